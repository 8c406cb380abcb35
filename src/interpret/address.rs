//! Socket addresses, which records hold as the bytes of `struct sockaddr`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::record::fields::unhex;

/// A socket address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// No address.
    Unspecified,
    /// A path, or without a name.
    Unix(Vec<u8>),
    /// A name in the abstract name space, without the NUL before it.
    Abstract(Vec<u8>),
    /// IPv4.
    Inet {
        /// The host.
        address: Ipv4Addr,
        /// The port.
        port: u16,
    },
    /// IPv6.
    Inet6 {
        /// The host.
        address: Ipv6Addr,
        /// The port.
        port: u16,
        /// The number of the interface that a link-local address belongs to, otherwise 0.
        scope: u32,
    },
    /// A netlink port.
    Netlink {
        /// The port, 0 for the kernel.
        port: u32,
        /// The multicast groups, one bit each.
        groups: u32,
    },
    /// A network interface.
    Packet {
        /// The protocol's number (`linux/if_ether.h`).
        protocol: u16,
        /// The interface's number.
        interface: u32,
        /// The hardware address.
        hardware: Vec<u8>,
    },
    /// Between a virtual machine and its host.
    Vsock {
        /// The context id: 2 for the host.
        cid: u32,
        /// The port.
        port: u32,
    },
    /// Another family, or one whose address is too short.
    Other {
        /// The family (`AF_*`).
        family: u16,
        /// What follows the family.
        rest: Vec<u8>,
    },
}

/// How the numbers of an address are written that are in the byte order of the machine.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }
}

impl Address {
    /// Reads the hexadecimal digits of `saddr=`.
    pub fn from_digits(digits: &[u8]) -> Option<Address> {
        let mut bytes = Vec::new();
        if !unhex(digits, &mut bytes) {
            return None;
        }
        Address::from_bytes(&bytes)
    }

    /// Reads a `struct sockaddr`; `None` when it is shorter than its family.
    ///
    /// The log may come from a machine of another byte order. Families are below 256, so where the one byte of the
    /// family is 0 the other is the lower.
    pub fn from_bytes(bytes: &[u8]) -> Option<Address> {
        let (family, rest) = bytes.split_first_chunk::<2>()?;
        let order = if matches!(family, [0, 1..=255]) { Order::Big } else { Order::Little };
        let family = order.u16(*family);
        let other = || Address::Other { family, rest: rest.to_vec() };
        Some(match family {
            0 => Address::Unspecified,
            1 => unix(rest),
            2 => inet(rest).unwrap_or_else(other),
            10 => inet6(rest, order).unwrap_or_else(other),
            16 => netlink(rest, order).unwrap_or_else(other),
            17 => packet(rest, order).unwrap_or_else(other),
            40 => vsock(rest, order).unwrap_or_else(other),
            _ => other(),
        })
    }

    /// The name of the address's family, without `AF_` and in small letters.
    pub fn family(&self) -> Option<&'static str> {
        family_name(match self {
            Address::Unspecified => 0,
            Address::Unix(_) | Address::Abstract(_) => 1,
            Address::Inet { .. } => 2,
            Address::Inet6 { .. } => 10,
            Address::Netlink { .. } => 16,
            Address::Packet { .. } => 17,
            Address::Vsock { .. } => 40,
            Address::Other { family, .. } => *family,
        })
    }

    /// The address as the fields it is made of: `{ saddr_fam=inet laddr=127.0.0.1 lport=80 }`. Any bytes.
    pub fn fields(&self) -> Vec<u8> {
        let family = match self {
            // As people who read audit logs know it.
            Address::Unix(_) | Address::Abstract(_) => "local".to_owned(),
            Address::Other { family, .. } if self.family().is_none() => family.to_string(),
            _ => self.family().unwrap_or_default().to_owned(),
        };
        let mut text = format!("{{ saddr_fam={family}").into_bytes();
        let rest = match self {
            Address::Unspecified => String::new(),
            Address::Unix(name) | Address::Abstract(name) => {
                let at: &[u8] = if matches!(self, Address::Abstract(_)) { b"@" } else { b"" };
                text.extend([b" path=", at, name].concat());
                String::new()
            }
            Address::Inet { address, port } => format!(" laddr={address} lport={port}"),
            Address::Inet6 { address, port, scope: 0 } => format!(" laddr={address} lport={port}"),
            Address::Inet6 { address, port, scope } => format!(" laddr={address}%{scope} lport={port}"),
            Address::Netlink { port, groups: 0 } => format!(" nlnk-fam=16 nlnk-pid={port}"),
            Address::Netlink { port, groups } => format!(" nlnk-fam=16 nlnk-pid={port} groups={groups:#x}"),
            Address::Packet { protocol, interface, hardware } => {
                format!(" protocol={protocol:#06x} interface={interface} hardware={}", Digits(hardware, ":"))
            }
            Address::Vsock { cid, port } => format!(" cid={cid} port={port}"),
            Address::Other { rest, .. } => format!(" data={}", Digits(rest, "")),
        };
        text.extend_from_slice(rest.as_bytes());
        text.extend_from_slice(b" }");
        text
    }
}

/// Bytes as hexadecimal digits, with something between them.
struct Digits<'a>(&'a [u8], &'static str);

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(place, byte)| write!(f, "{}{byte:02x}", if place == 0 { "" } else { self.1 }))
    }
}

fn unix(rest: &[u8]) -> Address {
    let name = |name: &[u8]| match memchr::memchr(0, name).and_then(|end| name.get(..end)) {
        Some(name) => name.to_vec(),
        None => name.to_vec(),
    };
    match rest {
        // Abstract names may hold NUL bytes, and the kernel gives their true length; the zeros at the end are
        // those of programs that pass the whole structure.
        [0, inside @ ..] if inside.iter().any(|byte| *byte != 0) => {
            let end = inside.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            Address::Abstract(inside.get(..end).unwrap_or(inside).to_vec())
        }
        path => Address::Unix(name(path)),
    }
}

fn inet(rest: &[u8]) -> Option<Address> {
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
    Some(Address::Inet { address, port: u16::from_be_bytes(*port) })
}

fn inet6(rest: &[u8], order: Order) -> Option<Address> {
    let port = u16::from_be_bytes(*rest.first_chunk::<2>()?);
    let address = Ipv6Addr::from(*rest.get(6..)?.first_chunk::<16>()?);
    // The scope came later than the rest and may be missing.
    Some(Address::Inet6 { address, port, scope: order.u32(rest, 22).unwrap_or(0) })
}

fn netlink(rest: &[u8], order: Order) -> Option<Address> {
    Some(Address::Netlink { port: order.u32(rest, 2)?, groups: order.u32(rest, 6)? })
}

fn packet(rest: &[u8], order: Order) -> Option<Address> {
    let protocol = u16::from_be_bytes(*rest.first_chunk::<2>()?);
    let interface = order.u32(rest, 2)?;
    let len = usize::from(*rest.get(9)?);
    let hardware = rest.get(10..).map(|bytes| bytes.get(..len).unwrap_or(bytes)).unwrap_or_default();
    Some(Address::Packet { protocol, interface, hardware: hardware.to_vec() })
}

fn vsock(rest: &[u8], order: Order) -> Option<Address> {
    Some(Address::Vsock { port: order.u32(rest, 2)?, cid: order.u32(rest, 6)? })
}

impl fmt::Display for Address {
    /// `127.0.0.1:80`, `[fe80::1%2]:80`, `unix /run/x`, `unix @abstract`, `netlink port 0 groups 0x1`. A name that is
    /// not UTF-8 is shown with replacements.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unspecified => f.write_str("unspec"),
            Address::Unix(path) if path.is_empty() => f.write_str("unix unnamed"),
            Address::Unix(path) => write!(f, "unix {}", String::from_utf8_lossy(path)),
            Address::Abstract(name) => write!(f, "unix @{}", String::from_utf8_lossy(name)),
            Address::Inet { address, port } => write!(f, "{address}:{port}"),
            Address::Inet6 { address, port, scope: 0 } => write!(f, "[{address}]:{port}"),
            Address::Inet6 { address, port, scope } => write!(f, "[{address}%{scope}]:{port}"),
            Address::Netlink { port, groups: 0 } => write!(f, "netlink port {port}"),
            Address::Netlink { port, groups } => write!(f, "netlink port {port} groups {groups:#x}"),
            Address::Packet { protocol, interface, hardware } => {
                write!(f, "packet protocol {protocol:#06x} interface {interface}")?;
                match hardware.is_empty() {
                    true => Ok(()),
                    false => write!(f, " {}", Digits(hardware, ":")),
                }
            }
            Address::Vsock { cid, port } => write!(f, "vsock {cid}:{port}"),
            Address::Other { family, rest } => {
                match family_name(*family) {
                    Some(name) => f.write_str(name)?,
                    None => write!(f, "family {family}")?,
                }
                match rest.is_empty() {
                    true => Ok(()),
                    false => write!(f, " {}", Digits(rest, "")),
                }
            }
        }
    }
}

/// The address families by their numbers (`AF_*` of `linux/socket.h`).
const FAMILIES: [&str; 46] = [
    "unspec",
    "unix",
    "inet",
    "ax25",
    "ipx",
    "appletalk",
    "netrom",
    "bridge",
    "atmpvc",
    "x25",
    "inet6",
    "rose",
    "decnet",
    "netbeui",
    "security",
    "key",
    "netlink",
    "packet",
    "ash",
    "econet",
    "atmsvc",
    "rds",
    "sna",
    "irda",
    "pppox",
    "wanpipe",
    "llc",
    "ib",
    "mpls",
    "can",
    "tipc",
    "bluetooth",
    "iucv",
    "rxrpc",
    "isdn",
    "phonet",
    "ieee802154",
    "caif",
    "alg",
    "nfc",
    "vsock",
    "kcm",
    "qipcrtr",
    "smc",
    "xdp",
    "mctp",
];

/// The name of an address family, without `AF_` and in small letters.
pub fn family_name(family: u16) -> Option<&'static str> {
    FAMILIES.get(usize::from(family)).copied()
}
