//! What record types say: the verb, what follows it, and what kind of act it is. A table, ascending by number.

use super::act::Act;
use super::syscalls::Verb;

use Rest::{Account, Address, Arguments, Field, Message, Nothing};

/// How the sentence about a record of one type goes on after the verb.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rest {
    /// Not at all.
    Nothing,
    /// The account is the actor before a login, otherwise the one it was done for.
    Account,
    /// The first of these fields that tells something.
    Field(&'static [&'static str]),
    /// The message's text.
    Message,
    /// The socket address.
    Address,
    /// The arguments of a program.
    Arguments,
}

const ACCOUNT: &[&str] = &["acct", "grp", "id", "op"];
const GROUP: &[&str] = &["grp", "acct", "id"];

/// Record types of which the verb needs no look at the fields, ascending.
#[rustfmt::skip]
const RECORDS: &[(u16, Verb, Rest, Act)] = &[
    (1100, ("authenticated", "authenticate"), Account, Act::Authenticate),
    (1101, ("was admitted", "be admitted"), Account, Act::Authenticate),
    (1102, ("changed the user", "change the user"), Field(ACCOUNT), Act::UserChange),
    (1103, ("got credentials", "get credentials"), Account, Act::Authenticate),
    (1104, ("gave up credentials", "give up credentials"), Account, Act::Authenticate),
    (1105, ("opened a session", "open a session"), Account, Act::SessionStart),
    (1106, ("closed a session", "close a session"), Account, Act::SessionEnd),
    (1108, ("changed the password or account of", "change the password or account of"), Field(ACCOUNT), Act::UserPassword),
    (1109, ("met an error of the account", "use the account"), Field(ACCOUNT), Act::Authenticate),
    (1110, ("renewed credentials", "renew credentials"), Account, Act::Authenticate),
    (1111, ("changed the system's configuration", "change the system's configuration"), Field(&["op"]), Act::Configure),
    (1112, ("logged in", "log in"), Account, Act::Logon),
    (1113, ("logged out", "log out"), Account, Act::Logoff),
    (1114, ("added the user", "add the user"), Field(ACCOUNT), Act::UserCreate),
    (1115, ("deleted the user", "delete the user"), Field(ACCOUNT), Act::UserDelete),
    (1116, ("added the group", "add the group"), Field(GROUP), Act::GroupCreate),
    (1117, ("deleted the group", "delete the group"), Field(GROUP), Act::GroupDelete),
    (1118, ("passed an access check", "pass an access check"), Field(&["op"]), Act::Decision),
    (1119, ("changed the group", "change the group"), Account, Act::ProcessIdentity),
    (1120, ("sent a test message", "send a test message"), Message, Act::Message),
    (1121, ("reported as a trusted program", "report as a trusted program"), Message, Act::Message),
    (1122, ("met an SELinux error", "meet an SELinux error"), Message, Act::Decision),
    (1123, ("ran", "run"), Field(&["cmd"]), Act::ProcessStart),
    (1124, ("typed", "type"), Field(&["data"]), Act::Typed),
    (1125, ("changed the user", "change the user"), Account, Act::ProcessIdentity),
    (1126, ("authenticated to the group", "authenticate to the group"), Field(&["grp", "acct"]), Act::Authenticate),
    (1127, ("booted the system", "boot the system"), Nothing, Act::HostStart),
    (1128, ("shut the system down", "shut the system down"), Nothing, Act::HostStop),
    (1129, ("changed the run level", "change the run level"), Field(&["new-level"]), Act::HostChange),
    (1130, ("started the service", "start the service"), Field(&["unit"]), Act::ServiceStart),
    (1131, ("stopped the service", "stop the service"), Field(&["unit"]), Act::ServiceStop),
    (1132, ("changed the group", "change the group"), Field(GROUP), Act::GroupChange),
    (1133, ("changed the group's password", "change the group's password"), Field(&["grp", "acct"]), Act::GroupChange),
    (1134, ("passed a check of the security policy", "pass a check of the security policy"), Field(&["op"]), Act::Decision),
    (1135, ("locked the account", "lock the account"), Field(ACCOUNT), Act::UserLock),
    (1136, ("unlocked the account", "unlock the account"), Field(ACCOUNT), Act::UserUnlock),
    (1137, ("changed the device", "change the device"), Field(&["device", "op"]), Act::Configure),
    (1138, ("changed the software", "change the software"), Field(&["sw", "op"]), Act::Software),
    (1200, ("started the audit daemon", "start the audit daemon"), Nothing, Act::AuditStart),
    (1201, ("stopped the audit daemon", "stop the audit daemon"), Nothing, Act::AuditStop),
    (1202, ("aborted the audit daemon", "abort the audit daemon"), Nothing, Act::AuditStop),
    (1203, ("reconfigured the audit daemon", "reconfigure the audit daemon"), Nothing, Act::AuditChange),
    (1205, ("rotated the audit log", "rotate the audit log"), Nothing, Act::AuditChange),
    (1206, ("resumed the audit log", "resume the audit log"), Nothing, Act::AuditChange),
    (1207, ("connected to the audit daemon", "connect to the audit daemon"), Field(&["addr"]), Act::AuditChange),
    (1208, ("left the audit daemon", "leave the audit daemon"), Field(&["addr"]), Act::AuditChange),
    (1209, ("told of an error of the audit daemon", "report an error"), Field(&["op"]), Act::AuditError),
    (1302, ("named the path", "name the path"), Field(&["name"]), Act::FileOpen),
    (1303, ("used an IPC object", "use an IPC object"), Nothing, Act::Invoke),
    (1304, ("made a socket call", "make a socket call"), Nothing, Act::Invoke),
    (1306, ("gave the address", "give the address"), Address, Act::NetworkTraffic),
    (1307, ("worked in", "work in"), Field(&["cwd"]), Act::FileOpen),
    (1309, ("ran", "run"), Arguments, Act::ProcessStart),
    (1311, ("set the permissions of an IPC object", "set the permissions of an IPC object"), Nothing, Act::Invoke),
    (1312, ("opened a message queue", "open a message queue"), Nothing, Act::Invoke),
    (1313, ("used a message queue", "use a message queue"), Nothing, Act::Invoke),
    (1314, ("asked to be told of a message queue", "ask to be told of a message queue"), Nothing, Act::Invoke),
    (1315, ("set up a message queue", "set up a message queue"), Nothing, Act::Invoke),
    (1316, ("had the kernel report", "have the kernel report"), Message, Act::Message),
    (1317, ("made a pair of descriptors", "make a pair of descriptors"), Nothing, Act::Invoke),
    (1318, ("acted on the process", "act on the process"), Field(&["ocomm", "opid"]), Act::ProcessAccess),
    (1319, ("typed", "type"), Field(&["data"]), Act::Typed),
    (1321, ("got capabilities from its program's file", "get capabilities from its program's file"), Nothing, Act::Invoke),
    (1322, ("set its capabilities", "set its capabilities"), Nothing, Act::Invoke),
    (1323, ("mapped memory", "map memory"), Nothing, Act::Invoke),
    (1327, ("had the command line", "have the command line"), Arguments, Act::ProcessStart),
    (1330, ("loaded the kernel module", "load the kernel module"), Field(&["name"]), Act::ModuleLoad),
    (1331, ("had an access judged by fanotify", "have an access judged by fanotify"), Nothing, Act::Decision),
    (1332, ("shifted the clock", "shift the clock"), Nothing, Act::HostChange),
    (1333, ("tuned the clock", "tune the clock"), Field(&["op"]), Act::HostChange),
    (1337, ("opened a file", "open a file"), Nothing, Act::FileOpen),
    (1338, ("changed the device-mapper device", "change the device-mapper device"), Field(&["dev", "op"]), Act::Configure),
    (1339, ("had an event of the device-mapper device", "use the device-mapper device"), Field(&["dev", "op"]), Act::Integrity),
    (1401, ("met an SELinux error", "meet an SELinux error"), Message, Act::Decision),
    (1402, ("had a path in a security decision:", "have a path in a security decision:"), Field(&["path"]), Act::Decision),
    (1403, ("loaded a security policy", "load a security policy"), Nothing, Act::Configure),
    (1406, ("set the acceptance of unlabelled traffic to", "set the acceptance of unlabelled traffic to"), Field(&["unlbl_accept"]), Act::Configure),
    (1407, ("added the CIPSO domain", "add the CIPSO domain"), Field(&["cipso_doi"]), Act::Configure),
    (1408, ("removed the CIPSO domain", "remove the CIPSO domain"), Field(&["cipso_doi"]), Act::Configure),
    (1409, ("mapped the security domain", "map the security domain"), Field(&["nlbl_domain"]), Act::Configure),
    (1410, ("unmapped the security domain", "unmap the security domain"), Field(&["nlbl_domain"]), Act::Configure),
    (1411, ("added an IPsec association with", "add an IPsec association with"), Field(&["dst", "op"]), Act::Configure),
    (1412, ("removed an IPsec association with", "remove an IPsec association with"), Field(&["dst", "op"]), Act::Configure),
    (1413, ("added an IPsec policy for", "add an IPsec policy for"), Field(&["dst", "op"]), Act::Configure),
    (1414, ("removed an IPsec policy for", "remove an IPsec policy for"), Field(&["dst", "op"]), Act::Configure),
    (1415, ("had an IPsec event", "have an IPsec event"), Field(&["op"]), Act::Crypto),
    (1416, ("labelled the unlabelled traffic of", "label the unlabelled traffic of"), Field(&["netif", "src"]), Act::Configure),
    (1417, ("took the label from the traffic of", "take the label from the traffic of"), Field(&["netif", "src"]), Act::Configure),
    (1418, ("added the CALIPSO domain", "add the CALIPSO domain"), Field(&["calipso_doi"]), Act::Configure),
    (1419, ("removed the CALIPSO domain", "remove the CALIPSO domain"), Field(&["calipso_doi"]), Act::Configure),
    (1420, ("had the integrity policy decide on", "have the integrity policy decide on"), Field(&["path", "name", "ipe_op"]), Act::Decision),
    (1421, ("changed the integrity policy in force to", "change the integrity policy in force to"), Field(&["new_active_pol_name"]), Act::Configure),
    (1422, ("loaded the integrity policy", "load the integrity policy"), Field(&["policy_name"]), Act::Configure),
    (1424, ("used the landlock domain", "use the landlock domain"), Field(&["domain"]), Act::Decision),
    (1425, ("ran with several security labels", "run with several security labels"), Nothing, Act::Decision),
    (1426, ("met an object with several security labels", "meet an object with several security labels"), Nothing, Act::Decision),
    (1800, ("passed an integrity check of", "pass an integrity check of"), Field(&["name", "op"]), Act::Integrity),
    (1801, ("passed an integrity check of", "pass an integrity check of"), Field(&["name", "op"]), Act::Integrity),
    (1802, ("used the integrity state", "use the integrity state"), Field(&["op"]), Act::Configure),
    (1803, ("used the integrity hash of", "use the integrity hash of"), Field(&["name", "op"]), Act::Integrity),
    (1804, ("violated the integrity of", "violate the integrity of"), Field(&["name", "op"]), Act::Integrity),
    (1805, ("met the integrity rule", "meet the integrity rule"), Field(&["action", "op"]), Act::Integrity),
    (1806, ("changed the protected attributes", "change the protected attributes"), Field(&["xattr"]), Act::Integrity),
    (1807, ("loaded the integrity rule", "load the integrity rule"), Field(&["action"]), Act::Configure),
    (1808, ("reported on integrity", "report on integrity"), Message, Act::Integrity),
    (2100, ("had too many failed logins", "log in too often"), Account, Act::Anomaly),
    (2101, ("logged in at a wrong time", "log in at a wrong time"), Account, Act::Anomaly),
    (2102, ("had too many sessions", "open too many sessions"), Account, Act::Anomaly),
    (2103, ("used a closed account", "use a closed account"), Account, Act::Anomaly),
    (2104, ("logged in from a wrong place", "log in from a wrong place"), Account, Act::Anomaly),
    (2105, ("was refused access too often", "be granted access after too many refusals"), Account, Act::Anomaly),
    (2106, ("broke the security policy too often", "act after too many breaches of the security policy"), Account, Act::Anomaly),
    (2107, ("failed the machine's self-test", "pass the machine's self-test"), Nothing, Act::Anomaly),
    (2108, ("failed the self-test of roles", "pass the self-test of roles"), Nothing, Act::Anomaly),
    (2109, ("failed the integrity test of roles", "pass the integrity test of roles"), Nothing, Act::Integrity),
    (2110, ("failed the self-test of cryptography", "pass the self-test of cryptography"), Nothing, Act::Anomaly),
    (2111, ("accessed what is watched:", "access what is watched:"), Field(&["path", "name", "op"]), Act::Anomaly),
    (2112, ("ran a forbidden program", "run a forbidden program"), Field(&["cmd", "exe"]), Act::Anomaly),
    (2113, ("made a program", "make a program"), Field(&["path", "name"]), Act::Anomaly),
    (2114, ("added, against expectation, the account", "add, against expectation, the account"), Field(ACCOUNT), Act::UserCreate),
    (2115, ("deleted, against expectation, the account", "delete, against expectation, the account"), Field(ACCOUNT), Act::UserDelete),
    (2116, ("changed, against expectation, the account", "change, against expectation, the account"), Field(ACCOUNT), Act::UserChange),
    (2117, ("became root", "become root"), Account, Act::Anomaly),
    (2118, ("logged in to a service's account", "log in to a service's account"), Account, Act::Anomaly),
    (2119, ("logged in as root", "log in as root"), Account, Act::Anomaly),
    (2120, ("failed to log in too often from one place", "log in after too many failures from one place"), Account, Act::Anomaly),
    (2121, ("had an unusual session", "have an unusual session"), Account, Act::Anomaly),
    (2200, ("let an anomaly pass", "let an anomaly pass"), Field(&["op"]), Act::Anomaly),
    (2201, ("raised an alert", "raise an alert"), Field(&["op"]), Act::Anomaly),
    (2202, ("killed the process", "kill the process"), Field(&["opid", "op"]), Act::ProcessSignal),
    (2203, ("ended the session of", "end the session of"), Field(ACCOUNT), Act::SessionEnd),
    (2204, ("locked against remote logins the account", "lock against remote logins the account"), Field(ACCOUNT), Act::UserLock),
    (2205, ("locked for a time the account", "lock for a time the account"), Field(ACCOUNT), Act::UserLock),
    (2206, ("unlocked after a time the account", "unlock after a time the account"), Field(ACCOUNT), Act::UserUnlock),
    (2207, ("locked the account", "lock the account"), Field(ACCOUNT), Act::UserLock),
    (2208, ("locked the terminal", "lock the terminal"), Field(&["terminal", "op"]), Act::SessionEnd),
    (2209, ("set the SELinux boolean", "set the SELinux boolean"), Field(&["bool", "op"]), Act::Configure),
    (2210, ("ran in response", "run in response"), Field(&["cmd", "op"]), Act::ProcessStart),
    (2211, ("took the system to single-user mode", "take the system to single-user mode"), Nothing, Act::HostChange),
    (2212, ("halted the system", "halt the system"), Nothing, Act::HostStop),
    (2213, ("blocked the address", "block the address"), Field(&["addr", "op"]), Act::Configure),
    (2214, ("blocked for a time the address", "block for a time the address"), Field(&["addr", "op"]), Act::Configure),
    (2215, ("unblocked after a time the address", "unblock after a time the address"), Field(&["addr", "op"]), Act::Configure),
    (2300, ("changed the role to", "change the role to"), Field(&["selected-context", "new-role", "op"]), Act::UserChange),
    (2301, ("assigned a role to", "assign a role to"), Field(ACCOUNT), Act::UserChange),
    (2302, ("took a role from", "take a role from"), Field(ACCOUNT), Act::UserChange),
    (2303, ("overrode a label", "override a label"), Field(&["op"]), Act::Configure),
    (2304, ("changed the level of", "change the level of"), Field(&["printer", "op"]), Act::Configure),
    (2305, ("exported with a label", "export with a label"), Field(&["printer", "op"]), Act::Message),
    (2306, ("exported without a label", "export without a label"), Field(&["printer", "op"]), Act::Message),
    (2307, ("allocated the device", "allocate the device"), Field(&["device", "dev", "op"]), Act::Configure),
    (2308, ("gave back the device", "give back the device"), Field(&["device", "dev", "op"]), Act::Configure),
    (2309, ("relabelled the file system", "relabel the file system"), Field(&["op"]), Act::FileSecurity),
    (2310, ("loaded a security policy", "load a security policy"), Field(&["op"]), Act::Configure),
    (2311, ("changed the role", "change the role"), Field(&["role", "op"]), Act::UserChange),
    (2312, ("changed the security policy", "change the security policy"), Field(&["op"]), Act::Configure),
    (2313, ("set the enforcing mode to", "set the enforcing mode to"), Field(&["enforcing", "op"]), Act::Configure),
    (2400, ("tested cryptography", "test cryptography"), Field(&["op"]), Act::Crypto),
    (2401, ("changed the parameters of cryptography", "change the parameters of cryptography"), Field(&["op"]), Act::Configure),
    (2402, ("logged in as crypto officer", "log in as crypto officer"), Account, Act::Logon),
    (2403, ("logged out as crypto officer", "log out as crypto officer"), Account, Act::Logoff),
    (2404, ("used the key", "use the key"), Field(&["fp", "op"]), Act::Crypto),
    (2405, ("met a failure of cryptography", "use cryptography"), Field(&["op"]), Act::Crypto),
    (2406, ("met replayed data", "detect replayed data"), Field(&["op"]), Act::Crypto),
    (2407, ("negotiated a secure session", "negotiate a secure session"), Account, Act::Authenticate),
    (2408, ("changed the IKE association", "change the IKE association"), Field(&["conn-name", "op"]), Act::Crypto),
    (2409, ("changed the IPsec association", "change the IPsec association"), Field(&["conn-name", "op"]), Act::Crypto),
    (2500, ("controlled the virtual machine", "control the virtual machine"), Field(&["vm"]), Act::Machine),
    (2501, ("gave resources to the virtual machine", "give resources to the virtual machine"), Field(&["vm"]), Act::Machine),
    (2502, ("labelled the virtual machine", "label the virtual machine"), Field(&["vm"]), Act::Machine),
    (2503, ("checked the integrity of the virtual machine", "check the integrity of the virtual machine"), Field(&["vm"]), Act::Machine),
    (2504, ("created the virtual machine", "create the virtual machine"), Field(&["vm"]), Act::Machine),
    (2505, ("destroyed the virtual machine", "destroy the virtual machine"), Field(&["vm"]), Act::Machine),
    (2506, ("took in the virtual machine", "take in the virtual machine"), Field(&["vm"]), Act::Machine),
    (2507, ("sent away the virtual machine", "send away the virtual machine"), Field(&["vm"]), Act::Machine),
];

/// What there is in the table of a record type.
pub(super) fn find(number: u16) -> Option<(Verb, Rest, Act)> {
    let found = RECORDS.binary_search_by_key(&number, |(number, ..)| *number);
    found.ok().and_then(|at| RECORDS.get(at)).map(|(_, verb, rest, act)| (*verb, *rest, *act))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RecordType;
    use crate::render::view::control;

    #[test]
    fn the_table_is_ascending_and_apart_from_control() {
        assert!(RECORDS.is_sorted_by_key(|(number, ..)| *number));
        for (number, ..) in RECORDS {
            assert!(!control::is_known(RecordType(*number)), "{number}");
        }
    }
}
