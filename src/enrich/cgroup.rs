//! The container and the systemd unit that a process's control groups name.
//!
//! The names are those that the runtimes give by themselves: `docs/` of each, and systemd's "Control Group APIs and
//! Delegation". A host may be set up to give others, which tell nothing.

use super::context::{Bytes, Container, Place, Runtime};

/// Longest id of a container that is believed.
const ID_BYTES_MAX: usize = 256;
/// Digits of the ids that most runtimes give.
const ID_DIGITS: usize = 64;

/// Beginnings of a group's name before the id, and the runtime.
const PREFIXES: [(&[u8], Runtime); 5] = [
    (b"docker-", Runtime::Docker),
    (b"libpod-", Runtime::Podman),
    (b"cri-containerd-", Runtime::Containerd),
    (b"crio-", Runtime::Crio),
    (b"cri-o-", Runtime::Crio),
];

/// Reads the text of `/proc/PID/cgroup`: lines of `NUMBER:CONTROLLERS:PATH`.
pub(super) fn place(text: &[u8]) -> Place {
    let lines = || text.split(|&byte| byte == b'\n').filter_map(split);
    let managed = lines().filter(|(controllers, _)| matches!(*controllers, b"" | b"name=systemd"));
    let mut place = Place { container: None, unit: managed.filter_map(|(_, path)| unit(path)).next() };
    place.container = lines().find_map(|(_, path)| container(path));
    place
}

/// The controllers and the path of a line. A path may hold any byte but a newline.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = line.split_at_checked(memchr::memchr(b':', line)? + 1)?;
    let end = memchr::memchr(b':', rest)?;
    Some((rest.get(..end)?, rest.get(end + 1..)?))
}

fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty())
}

/// The first part that is a unit and no slice, with the hyphen-like mark removed that keeps names apart from the kernel's.
fn unit(path: &[u8]) -> Option<Bytes> {
    let part = parts(path).find(|part| !part.ends_with(b".slice"))?;
    let name = part.strip_prefix(b"_").unwrap_or(part);
    let is_unit = [&b".service"[..], b".scope", b".socket", b".mount", b".swap"]
        .iter()
        .any(|suffix| name.len() > suffix.len() && name.ends_with(suffix));
    (is_unit && name.len() <= ID_BYTES_MAX).then(|| name.into())
}

fn container(path: &[u8]) -> Option<Container> {
    let mut above = None;
    let mut found = None;
    for part in parts(path) {
        found = named(part, above).or(found);
        above = Some(part);
    }
    let (id, runtime) = found?;
    (id.len() <= ID_BYTES_MAX).then(|| Container { id: id.into(), runtime })
}

/// The container that a group of this name is of, in the group `above`.
fn named<'a>(part: &'a [u8], above: Option<&[u8]>) -> Option<(&'a [u8], Option<Runtime>)> {
    let name = part.strip_suffix(b".scope").unwrap_or(part);
    if is_id(name) {
        return Some((name, (above == Some(b"docker")).then_some(Runtime::Docker)));
    }
    for (prefix, runtime) in PREFIXES {
        if let Some(id) = name.strip_prefix(prefix).filter(|id| is_id(id)) {
            return Some((id, Some(runtime)));
        }
    }
    // containerd with systemd's groups but without its help: `kubepods-….slice:cri-containerd:ID`.
    if let Some(at) = memchr::memmem::find(name, b":cri-containerd:")
        && let Some(id) = name.get(at + b":cri-containerd:".len()..).filter(|id| is_id(id))
    {
        return Some((id, Some(Runtime::Containerd)));
    }
    if let Some(id) = name.strip_prefix(b"lxc.payload.").or((above == Some(b"lxc")).then_some(name)) {
        return Some((id, Some(Runtime::Lxc)));
    }
    let service = part.strip_prefix(b"systemd-nspawn@").and_then(|rest| rest.strip_suffix(b".service"));
    // Others register machines with the same manager, under names that begin with theirs: libvirt.
    let machine = part.strip_prefix(b"machine-").and_then(|rest| rest.strip_suffix(b".scope"));
    let machine = machine.filter(|_| above == Some(b"machine.slice"));
    let is_other = |name: &&[u8]| name.starts_with(b"qemu\\x2d") || name.starts_with(b"lxc\\x2d");
    let id = service.or(machine.filter(|name| !is_other(name)))?;
    (!id.is_empty()).then_some((id, Some(Runtime::Nspawn)))
}

fn is_id(text: &[u8]) -> bool {
    text.len() == ID_DIGITS && text.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_groups_tell_container_and_unit() {
        let id = "0123456789abcdef".repeat(4);
        type Case<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>);
        let cases: &[Case<'_>] = &[
            ("0::/", None, None, None),
            ("0::/init.scope", None, None, Some("init.scope")),
            ("0::/system.slice/ssh.service", None, None, Some("ssh.service")),
            (
                "0::/system.slice/system-getty.slice/getty@tty1.service",
                None,
                None,
                Some("getty@tty1.service"),
            ),
            ("0::/user.slice/user-1000.slice/session-3.scope", None, None, Some("session-3.scope")),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service",
                None,
                None,
                Some("user@1000.service"),
            ),
            ("0::/system.slice/_odd.service/sub", None, None, Some("odd.service")),
            ("0::/system.slice", None, None, None),
            ("0::/.service", None, None, None),
            (
                "12:pids:/user.slice\n1:name=systemd:/system.slice/a:b.service\n0::/",
                None,
                None,
                Some("a:b.service"),
            ),
            ("0::/system.slice/docker-ID.scope", Some("ID"), Some("docker"), Some("docker-ID.scope")),
            (
                "3:cpu:/docker/ID\n0::/system.slice/containerd.service",
                Some("ID"),
                Some("docker"),
                Some("containerd.service"),
            ),
            (
                "0::/machine.slice/libpod-ID.scope/container",
                Some("ID"),
                Some("podman"),
                Some("libpod-ID.scope"),
            ),
            ("0::/machine.slice/libpod-conmon-ID.scope", None, None, Some("libpod-conmon-ID.scope")),
            (
                "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope",
                Some("ID"),
                Some("containerd"),
                Some("cri-containerd-ID.scope"),
            ),
            (
                "0::/kubepods.slice/kubepods-pod1.slice/crio-ID.scope",
                Some("ID"),
                Some("crio"),
                Some("crio-ID.scope"),
            ),
            ("0::/kubepods/burstable/pod1/ID", Some("ID"), None, None),
            ("0::/system.slice/kubepods-pod1.slice:cri-containerd:ID", Some("ID"), Some("containerd"), None),
            ("0::/lxc.payload.web/system.slice/x.service", Some("web"), Some("lxc"), None),
            ("4:cpu:/lxc/web", Some("web"), Some("lxc"), None),
            ("0::/lxc.monitor.web", None, None, None),
            ("0::/machine.slice/machine-deb.scope", Some("deb"), Some("nspawn"), Some("machine-deb.scope")),
            (
                "0::/machine.slice/systemd-nspawn@deb.service/payload",
                Some("deb"),
                Some("nspawn"),
                Some("systemd-nspawn@deb.service"),
            ),
            (
                "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
                None,
                None,
                Some("machine-qemu\\x2d1\\x2dvm.scope"),
            ),
            ("", None, None, None),
            ("nonsense\n::\n:", None, None, None),
        ];
        for (text, container, runtime, unit) in cases {
            let with_id = |text: &str| text.replace("ID", &id);
            let found = place(with_id(text).as_bytes());
            let shown = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(found.container.as_ref().map(|c| shown(&c.id)), container.map(with_id), "{text}");
            assert_eq!(found.container.and_then(|c| c.runtime).map(Runtime::name), *runtime, "{text}");
            assert_eq!(found.unit.as_ref().map(shown), unit.map(with_id), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            place(&text);
        }
    }
}
