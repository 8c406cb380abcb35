//! The values of a rule's fields: from text to the kernel's number or string.

use crate::rules::error::{Cause, RuleError, Warning};
use crate::rules::field::{
    COMPARISON_MAX, FAMILIES, FAMILIES_END, FILE_SYSTEMS, FILE_TYPE_BITS, FILE_TYPES, Field, Kind,
    PERMISSIONS,
};
use crate::rules::host::Host;
use crate::rules::text::Word;
use crate::rules::{PATH_BYTES_MAX, Value};
use crate::tables::{self, Arch};

/// Bytes of one element of a path (`NAME_MAX`, linux/limits.h).
const NAME_BYTES_MAX: usize = 255;

/// The value that `text` gives the field.
pub(super) fn value(
    field: &Field,
    word: &Word,
    text: &[u8],
    host: &impl Host,
    warnings: &mut Vec<Warning>,
) -> Result<Value, RuleError> {
    let bad = || RuleError::new(Cause::BadValue { field: field.name, takes: field.kind.takes() }, word);
    match field.kind {
        Kind::Path => {
            let path = path(word, without_final_slashes(text), warnings)?;
            if !host.exists(&path) {
                let there = has_parent(&path, host);
                warnings.push(if there { Warning::NothingThere(field.name) } else { Warning::NoParent });
            }
            return Ok(Value::Text(path));
        }
        // The kernel finds a directory with a slash at its end too, and auditctl leaves it there.
        Kind::Directory => {
            let path = path(word, text, warnings)?;
            if !host.is_directory(&path) {
                warnings.push(Warning::NoDirectory);
            }
            return Ok(Value::Text(path));
        }
        Kind::Label if text.contains(&0) => return Err(RuleError::new(Cause::Nul, word)),
        Kind::Label if !text.is_empty() && text.len() < PATH_BYTES_MAX => {
            return Ok(Value::Text(text.to_vec()));
        }
        _ => {}
    }
    let text = std::str::from_utf8(text).map_err(|_| RuleError::new(Cause::NotText, word))?;
    let named =
        |names: &[(&str, u32)]| names.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    let number = match field.kind {
        Kind::Number => unsigned(text),
        Kind::Argument => unsigned(text).or_else(|| signed(text)),
        Kind::Session => unset(text).or_else(|| unsigned(text)).or_else(|| signed(text)),
        Kind::User | Kind::LoginUser => return id(word, text, "user", |name| host.user(name)),
        Kind::Group => return id(word, text, "group", |name| host.group(name)),
        Kind::Arch => Some(arch(word, text.as_bytes())?.token()),
        Kind::RecordType => unsigned(text).or_else(|| tables::record_type_number(text).map(u32::from)),
        Kind::Exit => signed(text).or_else(|| unsigned(text)).or_else(|| errno(text)),
        Kind::Success => unsigned(text).filter(|number| *number <= 1),
        Kind::Permissions => Some(permissions(word, text.as_bytes())?),
        Kind::FileType => {
            named(&FILE_TYPES).or_else(|| unsigned(text)).filter(|number| number & !FILE_TYPE_BITS == 0)
        }
        Kind::FileSystem => named(&FILE_SYSTEMS).or_else(|| unsigned(text)),
        Kind::Family => named(&FAMILIES).or_else(|| unsigned(text)).filter(|number| *number < FAMILIES_END),
        Kind::Compare => unsigned(text).filter(|number| (1..=COMPARISON_MAX).contains(number)),
        Kind::Path | Kind::Directory | Kind::Label | Kind::Key => None,
    };
    number.map(Value::Number).ok_or_else(bad)
}

/// Whether the directory that a path lies in is there; without it the kernel takes no rule for the path.
pub(super) fn has_parent(path: &[u8], host: &impl Host) -> bool {
    match path.iter().rposition(|byte| *byte == b'/') {
        None | Some(0) => true,
        Some(end) => path.get(..end).is_none_or(|parent| host.exists(parent)),
    }
}

/// A path without the slashes at its end; the root keeps its one.
pub(super) fn without_final_slashes(mut path: &[u8]) -> &[u8] {
    while let [rest @ .., b'/'] = path
        && !rest.is_empty()
    {
        path = rest;
    }
    path
}

/// A path as the kernel takes it.
pub(super) fn path(word: &Word, path: &[u8], warnings: &mut Vec<Warning>) -> Result<Vec<u8>, RuleError> {
    if path.first() != Some(&b'/') {
        return Err(RuleError::new(Cause::RelativePath, word));
    }
    if path.contains(&0) {
        return Err(RuleError::new(Cause::Nul, word));
    }
    if path.len() >= PATH_BYTES_MAX {
        return Err(RuleError::new(Cause::LongPath, word));
    }
    let mut parts = path.split(|byte| *byte == b'/');
    if parts.clone().any(|part| part.len() > NAME_BYTES_MAX) {
        return Err(RuleError::new(Cause::LongName, word));
    }
    if parts.any(|part| part == b"..") {
        warnings.push(Warning::DotDot);
    }
    if path.iter().any(|byte| matches!(byte, b'*' | b'?')) {
        warnings.push(Warning::Wildcard);
    }
    Ok(path.to_vec())
}

/// The bits of letters of rwxa.
pub(super) fn permissions(word: &Word, text: &[u8]) -> Result<u32, RuleError> {
    let text = std::str::from_utf8(text).map_err(|_| RuleError::new(Cause::NotText, word))?;
    let mut bits = 0;
    for letter in text.chars() {
        let bit = PERMISSIONS.iter().find(|(known, _)| *known == letter.to_ascii_lowercase());
        bits |= bit.ok_or_else(|| RuleError::new(Cause::Permission(letter), word))?.1;
    }
    if bits == 0 { Err(RuleError::new(Cause::NoPermission, word)) } else { Ok(bits) }
}

/// An architecture by `b32`, `b64`, its name or its number in hexadecimal.
pub(super) fn arch(word: &Word, text: &[u8]) -> Result<Arch, RuleError> {
    let unknown = || RuleError::new(Cause::UnknownArch, word);
    let text = std::str::from_utf8(text).map_err(|_| RuleError::new(Cause::NotText, word))?;
    let native = Arch::native();
    match text {
        "b64" if native.compat().is_some() || is_64_bit(native) => Ok(native),
        "b32" if is_64_bit(native) => native.compat().ok_or_else(unknown),
        "b32" => Ok(native),
        _ => {
            let hexadecimal = text.strip_prefix("0x").unwrap_or(text);
            let by_number = || u32::from_str_radix(hexadecimal, 16).ok().and_then(Arch::from_token);
            Arch::from_name(text).or_else(by_number).ok_or_else(unknown)
        }
    }
}

/// Whether the architecture's number says so (`__AUDIT_ARCH_64BIT`, linux/audit.h).
pub(in crate::rules) fn is_64_bit(arch: Arch) -> bool {
    arch.token() & 0x8000_0000 != 0
}

fn id(
    word: &Word,
    text: &str,
    kind: &'static str,
    find: impl Fn(&str) -> Option<u32>,
) -> Result<Value, RuleError> {
    let number = unset(text).or_else(|| unsigned(text)).or_else(|| signed(text)).or_else(|| find(text));
    number.map(Value::Number).ok_or_else(|| RuleError::new(Cause::UnknownName(kind), word))
}

fn unset(text: &str) -> Option<u32> {
    matches!(text, "unset" | "-1").then_some(u32::MAX)
}

/// A number as C writes it: decimal, octal after 0, hexadecimal after 0x.
pub(super) fn unsigned(text: &str) -> Option<u32> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

/// A signed decimal number as the kernel keeps it: its two's complement.
fn signed(text: &str) -> Option<u32> {
    text.parse::<i32>().ok().map(i32::cast_unsigned)
}

fn errno(text: &str) -> Option<u32> {
    let (negative, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
    let number = i32::try_from(tables::errno_number(name)?).ok()?;
    Some(if negative { -number } else { number }.cast_unsigned())
}
