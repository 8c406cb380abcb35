//! The arguments of an EXECVE record as a list.

use super::json;
use crate::record::fields::{Value, fields, is_quotable, unhex};

/// Writes the arguments of an EXECVE record if it is one whole record or the whole-argument continuation of one:
/// `argc=3 a0="ls" a1="-l" a2="x"`, ` a121="y" a122="z"`.
pub(super) fn write(body: &[u8], scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
    let mut list = fields(body).peekable();
    let mut end = 0;
    let mut next = 0u32;
    match list.peek() {
        Some(field) if field.name == b"argc" && field.start == 0 => {
            let Value::Bare(count) = field.value else { return false };
            if !json::is_number(count) {
                return false;
            }
            out.extend_from_slice(b",\"argc\":");
            out.extend_from_slice(count);
            end = field.end;
            list.next();
        }
        Some(field) if field.start == 1 && body.first() == Some(&b' ') => {
            let Some(first) = argument_number(field.name).filter(|&first| first > 0) else { return false };
            out.extend_from_slice(b",\"first\":");
            json::number(out, u64::from(first));
            next = first;
        }
        _ => return false,
    }
    out.extend_from_slice(b",\"argv\":[");
    let mut comma = false;
    for field in list {
        if field.start != end + 1 || argument_number(field.name) != Some(next) {
            return false;
        }
        if comma {
            out.push(b',');
        }
        comma = true;
        match field.value {
            Value::Quoted(text) if is_quotable(text) => json::text(out, text),
            Value::Bare(b"(null)") => out.extend_from_slice(b"null"),
            Value::Bare(digits) => {
                scratch.clear();
                if !unhex(digits, scratch)
                    || is_quotable(scratch)
                    || digits.iter().any(u8::is_ascii_lowercase)
                {
                    return false;
                }
                json::text(out, scratch);
            }
            _ => return false,
        }
        let Some(following) = next.checked_add(1) else { return false };
        next = following;
        end = field.end;
    }
    out.push(b']');
    end == body.len()
}

/// The number of `a17`, written without needless zeros.
fn argument_number(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"a")?;
    if !json::is_number(digits) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
