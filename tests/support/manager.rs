//! A service manager as far as a daemon sees one: it keeps descriptors, and starts the daemon again with them.

use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

/// How long to wait for a daemon's word. Reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(20);

type Store = Arc<Mutex<BTreeMap<String, OwnedFd>>>;

/// A service manager. What it keeps is let go when it is dropped.
pub(crate) struct Manager {
    socket: PathBuf,
    kept: Store,
    ready: Receiver<()>,
}

impl Manager {
    pub(crate) fn new(dir: &Path) -> Manager {
        let path = dir.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let kept = Store::default();
        let (tell, ready) = channel();
        let store = kept.clone();
        thread::spawn(move || listen(&socket, &store, &tell));
        Manager { socket: path, kept, ready }
    }

    /// Starts a program with what is kept. The shell gives the descriptors the numbers from 3 on, and its own process id.
    pub(crate) fn start(&self, program: &Path, arguments: &[String]) -> Child {
        while self.ready.try_recv().is_ok() {}
        let kept = self.kept.lock().expect("no panic");
        let mut script = String::new();
        for (number, descriptor) in (3..).zip(kept.values()) {
            fcntl(descriptor.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).expect("it is open");
            // By way of high numbers, so that none is overwritten before it is copied.
            script.push_str(&format!("exec {}<&{1} {1}<&-;", 200 + number, descriptor.as_raw_fd()));
        }
        for number in (3..).take(kept.len()) {
            script.push_str(&format!("exec {number}<&{0} {0}<&-;", 200 + number));
        }
        let names: Vec<&str> = kept.keys().map(String::as_str).collect();
        script.push_str("export LISTEN_PID=$$; exec \"$@\"");
        let child = Command::new("bash")
            .args(["-c", &script, "bash"])
            .arg(program)
            .args(arguments)
            .env("NOTIFY_SOCKET", &self.socket)
            .env("LISTEN_FDS", kept.len().to_string())
            .env("LISTEN_FDNAMES", names.join(":"))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("bash starts");
        for descriptor in kept.values() {
            fcntl(descriptor.as_fd(), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("it is open");
        }
        child
    }

    /// Waits until the daemon says that it is ready.
    pub(crate) fn wait_until_ready(&self) {
        self.ready.recv_timeout(PATIENCE).expect("the daemon says that it is ready");
    }

    /// The names under which something is kept.
    pub(crate) fn names(&self) -> Vec<String> {
        self.kept.lock().expect("no panic").keys().cloned().collect()
    }
}

fn listen(socket: &UnixDatagram, store: &Store, ready: &Sender<()>) {
    let mut text = vec![0; 64 << 10];
    loop {
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 4]);
        let (length, descriptors) = {
            let mut slices = [IoSliceMut::new(&mut text)];
            let Ok(message) =
                recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)
            else {
                return;
            };
            let mut descriptors = Vec::new();
            for part in message.cmsgs().into_iter().flatten() {
                if let ControlMessageOwned::ScmRights(numbers) = part {
                    descriptors.extend(numbers.into_iter().map(own));
                }
            }
            (message.bytes, descriptors)
        };
        let said = String::from_utf8_lossy(&text[..length]).into_owned();
        let lines: Vec<&str> = said.lines().collect();
        let name = lines.iter().find_map(|line| line.strip_prefix("FDNAME=")).unwrap_or("stored").to_owned();
        if lines.contains(&"FDSTOREREMOVE=1") {
            store.lock().expect("no panic").remove(&name);
        } else if lines.contains(&"FDSTORE=1") {
            for descriptor in descriptors {
                store.lock().expect("no panic").insert(name.clone(), descriptor);
            }
        } else if lines.contains(&"READY=1") && ready.send(()).is_err() {
            return;
        }
        // A barrier's descriptor is closed by being dropped.
    }
}

fn own(number: std::os::fd::RawFd) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor for the message, and nobody else knows it.
    #[allow(unsafe_code)]
    unsafe {
        OwnedFd::from_raw_fd(number)
    }
}
