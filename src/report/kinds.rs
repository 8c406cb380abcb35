//! What records of which types are about.

use crate::record::RecordType;

/// Whether a record tells of a change of users, groups or roles.
pub(super) fn is_account_change(kind: RecordType) -> bool {
    matches!(kind.0, 1102 | 1108 | 1114..=1117 | 1132 | 2301 | 2302)
}

pub(super) fn is_config_change(kind: RecordType) -> bool {
    matches!(kind.0, 1111 | 1203 | 1305 | 1325 | 1328 | 1403..=1417 | 2312)
}

pub(super) fn is_anomaly(kind: RecordType) -> bool {
    matches!(kind.0, 1700..=1799 | 2100..=2199)
}

pub(super) fn is_response(kind: RecordType) -> bool {
    matches!(kind.0, 2200..=2299)
}

pub(super) fn is_crypto(kind: RecordType) -> bool {
    matches!(kind.0, 2400..=2499)
}

pub(super) fn is_integrity(kind: RecordType) -> bool {
    matches!(kind.0, 1800..=1899)
}

pub(super) fn is_virtual(kind: RecordType) -> bool {
    matches!(kind.0, 2500..=2599)
}

pub(super) fn is_mac(kind: RecordType) -> bool {
    matches!(kind.0, 1403..=1417 | 2300..=2399)
}

/// Whether a record is an access control decision.
pub(super) fn is_decision(kind: RecordType) -> bool {
    matches!(kind.0, 1107 | 1400)
}
