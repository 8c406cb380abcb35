//! The `ktrail` program; everything it does is in `ktrail::cli`.

fn main() -> std::process::ExitCode {
    ktrail::cli::main()
}
