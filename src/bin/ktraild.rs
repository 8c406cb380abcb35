//! The `ktraild` program; everything it does is in `ktrail::daemon`.

fn main() -> std::process::ExitCode {
    ktrail::daemon::main()
}
