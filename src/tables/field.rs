//! How the kernel and user-space programs write each named field of a record.
//!
//! A class is a guess by the field's name, made for what is written most often. Some names mean different things in
//! different records (`family` is a number in NETFILTER_CFG and a word in AppArmor's records); whoever stores a value
//! keeps its text when it does not fit its class.

use super::dense::first_word;

/// The way a field's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A decimal number, possibly negative: `pid=521`, `exit=-13`.
    Decimal,
    /// A string its writer does not trust: quoted when every byte is 0x21..=0x7e and none is `"`, else upper-case
    /// hexadecimal, `(null)` when absent (`audit_log_untrustedstring` of kernel/audit.c).
    Encoded,
    /// Any other word, kept as it stands: `success=yes`, `a0=ffffff9c`, `mode=0100644`, `tty=(none)`.
    Bare,
}

/// Whose number a field holds, hence where its name is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// A user: passwd.
    User,
    /// A group.
    Group,
}

/// The class of the field `name`; [`Class::Bare`] for a name that is not in the table.
///
/// The arguments of EXECVE (`a0`, `a1[0]`) are not in the table: they are encoded there and hexadecimal numbers in
/// SYSCALL.
pub fn class(name: &[u8]) -> Class {
    lookup(name).map_or(Class::Bare, |slot| slot.class)
}

/// Whether the field `name` holds a user's or a group's number. Not for `id`, which is either.
pub fn id_kind(name: &[u8]) -> Option<IdKind> {
    lookup(name)?.id
}

/// Every name in the table with its class and whose number it is.
pub fn all() -> impl Iterator<Item = (&'static str, Class, Option<IdKind>)> {
    let ids = [(USERS, IdKind::User), (GROUPS, IdKind::Group)];
    let ids = ids
        .into_iter()
        .flat_map(|(list, id)| list.split(' ').map(move |name| (name, Class::Decimal, Some(id))));
    let plain = |lists: &'static [&'static str], class| {
        lists.iter().flat_map(|list| list.split(' ')).map(move |name| (name, class, None))
    };
    ids.chain(plain(&DECIMALS, Class::Decimal)).chain(plain(&ENCODED, Class::Encoded))
}

/// Users' numbers, decimal.
const USERS: &str = "auid euid fsuid inode_uid iuid oauid obj_uid old-auid ouid sauid suid uid";

/// Groups' numbers, decimal.
const GROUPS: &str = "egid fsgid gid igid inode_gid new_gid obj_gid ogid sgid";

/// Other decimal numbers, by where they come from.
const DECIMALS: [&str; 8] = [
    // System calls: SYSCALL, PATH, EXECVE, SOCKETCALL, OBJ_PID, FD_PAIR, MMAP, SECCOMP, URINGOP, TTY.
    "argc compat exit fd fd0 fd1 inode item items maj major minor nargs opid oses parent pid ppid ses sig syscall \
     uring_op",
    // Message queues, clocks, file capabilities.
    "abs_timeout_nsec abs_timeout_sec cap_fe cap_frootid fe frootid mq_curmsgs mq_maxmsg mq_msgsize mqdes msg_len \
     msg_prio nsec sec sigev_signo",
    // Changes of the configuration; LOGIN, FEATURE_CHANGE, EVENT_LISTENER. `res` is a word in user-space records.
    "audit_backlog_limit audit_backlog_wait_time audit_enabled audit_failure audit_pid audit_rate_limit \
     backlog_wait_time_actual list lost new new-enabled new-log_passwd new_lock nl-mcgrp old old-enabled \
     old-log_passwd old-ses old_lock res",
    // BPF, fanotify, device mapper, interfaces, netfilter, integrity.
    "dport entries errno family fan_type obj_trust old_prom prog-id prom proto resp sector sport subj_trust",
    // Security modules and labelled networking.
    "calipso_doi capability cipso_doi denials dest dst_prefixlen enabled enforcing error fport ino key_serial lport \
     nlmsg_type old_enforcing old_val peer_pid permissive port_num protocol sec_alg sec_doi seqno src \
     src_prefixlen tpid unlbl_accept val",
    // Accounts, daemons, keys, software.
    "gpg_res id key_enforce ksize port rport spid",
    // Virtual machines.
    "new-mem new-vcpu old-mem old-vcpu vm-pid",
    // Integrity checkers, label printing, key exchange.
    "added changed connstate job removed",
];

/// Untrusted strings, by where they come from.
const ENCODED: [&str; 5] = [
    // The kernel's own records. `data` is what was typed in TTY and USER_TTY.
    "comm cwd data dir exe file key name ocomm path proctitle watch",
    // Security modules and integrity.
    "apparmor capname class denied_mask fstype hash info invalid_context key_desc kmod label namespace operation \
     peer peer_label policy_name profile requested_mask sock_type srawcon srcname target trawcon xattr",
    // Accounts and commands.
    "acct cmd grp",
    // Virtual machines.
    "cgroup new-chardev new-disk new-fs new-net new-rng old-chardev old-disk old-fs old-net old-rng vm",
    // Devices, software, key exchange.
    "conn-name device device.rule device.system_name root_dir sw",
];

/// Longest name in the table in bytes, and the most that [`key`] can hold.
const NAME_BYTES_MAX: usize = 24;

/// Places in the hash table: a power of two and about three times the number of names, so that most searches end at
/// the first place.
const SLOTS: usize = 512;

/// Steps from a name's first place to where it stands at most; the build fails when the lists need more.
const STEPS_MAX: usize = 4;

/// One name with what is known of it, in half a cache line.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Slot {
    /// 0 in an empty slot.
    len: u8,
    class: Class,
    id: Option<IdKind>,
    key: [u64; 3],
}

static TABLE: [Slot; SLOTS] = table();

#[inline]
fn lookup(name: &[u8]) -> Option<&'static Slot> {
    let key = key(name)?;
    let first = place(&key, name.len());
    for step in 0..=STEPS_MAX {
        let slot = TABLE.get((first + step) % SLOTS)?;
        if same(&slot.key, &key) && usize::from(slot.len) == name.len() {
            return Some(slot);
        }
        if slot.len == 0 {
            return None;
        }
    }
    None
}

/// Whether two keys are equal, word by word: as an array they would first be written to memory.
#[inline]
const fn same(a: &[u64; 3], b: &[u64; 3]) -> bool {
    (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) == 0
}

/// The bytes of a name as numbers, which together with its length differ for any two names; `None` for a name that is
/// empty or longer than any in the table.
#[inline]
const fn key(name: &[u8]) -> Option<[u64; 3]> {
    if let (Some((first, rest)), Some(last)) = (name.split_first_chunk::<8>(), name.last_chunk::<8>()) {
        let middle = match rest.first_chunk::<8>() {
            Some(_) if name.len() > NAME_BYTES_MAX => return None,
            Some(middle) => u64::from_le_bytes(*middle),
            None => 0,
        };
        return Some([u64::from_le_bytes(*first), u64::from_le_bytes(*last), middle]);
    }
    if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let both = u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32;
        return Some([both, 0, 0]);
    }
    match name {
        [a] => Some([*a as u64, 0, 0]),
        [a, b] => Some([*a as u64 | (*b as u64) << 8, 0, 0]),
        [a, b, c] => Some([*a as u64 | (*b as u64) << 8 | (*c as u64) << 16, 0, 0]),
        _ => None,
    }
}

/// Where the search for a name begins. The multiplier is 2^64 divided by the golden ratio (Knuth).
#[inline]
const fn place(key: &[u64; 3], len: usize) -> usize {
    let mixed = (key[0] ^ key[1].rotate_left(23)).wrapping_add(len as u64);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS.ilog2())) as usize
}

const fn table() -> [Slot; SLOTS] {
    let mut slots = [Slot { len: 0, class: Class::Bare, id: None, key: [0; 3] }; SLOTS];
    slots = with(slots, USERS, Class::Decimal, Some(IdKind::User));
    slots = with(slots, GROUPS, Class::Decimal, Some(IdKind::Group));
    let mut list = 0;
    while list < DECIMALS.len() {
        slots = with(slots, DECIMALS[list], Class::Decimal, None);
        list += 1;
    }
    list = 0;
    while list < ENCODED.len() {
        slots = with(slots, ENCODED[list], Class::Encoded, None);
        list += 1;
    }
    slots
}

/// `slots` with every word of `names` put in. Fails the build for a name that is too long, stands too far from its
/// first place, or is there already.
const fn with(
    mut slots: [Slot; SLOTS],
    names: &'static str,
    class: Class,
    id: Option<IdKind>,
) -> [Slot; SLOTS] {
    let mut rest = names;
    while !rest.is_empty() {
        let (name, tail) = first_word(rest);
        rest = tail;
        let len = name.len();
        let key = key(name.as_bytes()).expect("a name of 1 to NAME_BYTES_MAX bytes");
        let mut at = place(&key, len);
        let mut steps = 0;
        while slots[at].len != 0 {
            let twice = same(&slots[at].key, &key) && slots[at].len as usize == len;
            assert!(!twice, "a name stands twice in the lists");
            steps += 1;
            assert!(steps <= STEPS_MAX, "too many names near one place: more SLOTS or STEPS_MAX");
            at = (at + 1) % SLOTS;
        }
        slots[at] = Slot { len: len as u8, class, id, key };
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the lists say, by linear search.
    fn model(name: &[u8]) -> (Class, Option<IdKind>) {
        let holds = |list: &str| list.split(' ').any(|word| word.as_bytes() == name);
        match () {
            _ if holds(USERS) => (Class::Decimal, Some(IdKind::User)),
            _ if holds(GROUPS) => (Class::Decimal, Some(IdKind::Group)),
            _ if DECIMALS.iter().any(|list| holds(list)) => (Class::Decimal, None),
            _ if ENCODED.iter().any(|list| holds(list)) => (Class::Encoded, None),
            _ => (Class::Bare, None),
        }
    }

    fn check(name: &[u8]) {
        assert_eq!((class(name), id_kind(name)), model(name), "{}", String::from_utf8_lossy(name));
    }

    #[test]
    fn fields_have_the_class_in_which_they_are_written() {
        let cases: &[(Class, &str)] = &[
            (
                Class::Decimal,
                "pid ppid auid uid ses exit syscall items item inode argc res list vm-pid old-ses",
            ),
            (Class::Encoded, "comm exe name cwd key proctitle acct cmd path dir data ocomm vm new-disk grp"),
            (
                Class::Bare,
                "a0 a3 arch saddr success tty mode dev rdev cap_fp per code ip qbytes op subj unit addr",
            ),
            (Class::Bare, "type msg hostname terminal nametype pidx pi id_ backlog_wait_time_actual_ Pid"),
        ];
        for (expected, names) in cases {
            for name in names.split(' ') {
                assert_eq!(class(name.as_bytes()), *expected, "{name}");
            }
        }
        assert_eq!(class(b""), Class::Bare);
        assert_eq!(id_kind(b"auid"), Some(IdKind::User));
        assert_eq!(id_kind(b"fsgid"), Some(IdKind::Group));
        assert_eq!(id_kind(b"id"), None);
    }

    #[test]
    fn every_listed_name_is_found_and_its_neighbours_are_not() {
        for (name, ..) in all() {
            check(name.as_bytes());
            for place in 0..name.len() {
                let mut changed = name.as_bytes().to_vec();
                changed[place] ^= 1;
                check(&changed);
                changed.remove(place);
                check(&changed);
            }
            check(format!("{name}x").as_bytes());
            check(format!("{name}\0").as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_the_class_that_the_lists_give(name in proptest::collection::vec(any::<u8>(), 0..40)) {
            check(&name);
        }
    }
}
