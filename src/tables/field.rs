//! How the kernel and user-space programs write each named field of a record.

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

/// The class of the field `name`; [`Class::Bare`] for a name that is not in the table.
pub fn class(_name: &[u8]) -> Class {
    Class::Bare
}
