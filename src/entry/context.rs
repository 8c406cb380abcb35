//! The member `context` of an entry: what is told besides the records.

use std::sync::Arc;

use super::date;
use super::field::Field;
use super::json::{self, Members, Reader};
use crate::enrich::context::{
    Ancestor, Bytes, Container, Context, Login, Parent, Process, ProcessId, Runtime, Sha256,
};
use crate::store::term::Terms;

/// Writes the member with a comma before it, or nothing where nothing is told.
pub(super) fn write(context: &Context, out: &mut Vec<u8>) {
    if context.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"context\":");
    let mut members = Members::begin(out);
    if let Some(process) = &context.process {
        write_process(process, members.value("process"));
    }
    if let Some(script) = &context.script {
        json::text(members.value("script"), script);
    }
    if let Some(Sha256(hash)) = &context.hash {
        let mut hashes = Members::begin(members.value("hash"));
        write_hash(hash, hashes.value("sha256"));
        hashes.end();
    }
    if !context.environment.is_empty() {
        let mut variables = Members::begin(members.value("environment"));
        for (name, value) in &context.environment {
            // A name is one of the configuration's, which has letters, digits and underscores only.
            json::text(variables.value(&String::from_utf8_lossy(name)), value);
        }
        variables.end();
    }
    if let Some(container) = &context.container {
        let mut parts = Members::begin(members.value("container"));
        json::text(parts.value("id"), &container.id);
        if let Some(runtime) = container.runtime {
            json::text(parts.value("runtime"), runtime.name().as_bytes());
        }
        parts.end();
    }
    if let Some(unit) = &context.unit {
        json::text(members.value("unit"), unit);
    }
    if let Some(login) = &context.login {
        write_login(login, members.value("login"));
    }
    members.end();
}

fn write_process(process: &Process, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    write_id(process.id, members.value("id"));
    if let Some(parent) = &process.parent {
        let mut parts = Members::begin(members.value("parent"));
        write_ancestor(parent.id, parent.exe.as_ref(), &mut parts);
        if !parent.argv.is_empty() {
            list(&parent.argv, parts.value("argv"), |out, argument| json::text(out, argument));
        }
        parts.end();
    }
    if !process.ancestors.is_empty() {
        list(&process.ancestors, members.value("ancestors"), |out, ancestor| {
            let mut parts = Members::begin(out);
            write_ancestor(ancestor.id, ancestor.exe.as_ref(), &mut parts);
            parts.end();
        });
    }
    members.end();
}

fn write_ancestor(id: ProcessId, exe: Option<&Bytes>, members: &mut Members<'_>) {
    write_id(id, members.value("id"));
    json::number(members.value("pid"), u64::from(id.pid));
    if let Some(exe) = exe {
        json::text(members.value("exe"), exe);
    }
}

fn write_id(id: ProcessId, out: &mut Vec<u8>) {
    out.push(b'"');
    id_text(id, out);
    out.push(b'"');
}

fn id_text(id: ProcessId, out: &mut Vec<u8>) {
    json::number(out, id.started);
    out.push(b'-');
    json::number(out, u64::from(id.pid));
}

fn write_hash(hash: &[u8; 32], out: &mut Vec<u8>) {
    out.push(b'"');
    hash_text(hash, out);
    out.push(b'"');
}

/// In lower case, as sha256sum writes it.
fn hash_text(hash: &[u8; 32], out: &mut Vec<u8>) {
    let start = out.len();
    json::hex(out, hash);
    out.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
}

fn write_login(login: &Login, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    json::number(members.value("session"), u64::from(login.session));
    if let Some(user) = &login.user {
        json::text(members.value("user"), user);
    }
    if let Some(uid) = login.uid {
        json::number(members.value("uid"), u64::from(uid));
    }
    if let Some(address) = &login.address {
        json::text(members.value("address"), address);
    }
    if let Some(terminal) = &login.terminal {
        json::text(members.value("terminal"), terminal);
    }
    if let Some(time_ms) = login.time_ms.filter(|time_ms| time_ms / 1000 < date::SECONDS_MAX) {
        let out = members.value("time");
        out.push(b'"');
        date::write_ms(time_ms, out);
        out.push(b'"');
    }
    members.end();
}

fn list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Adds the terms under which an entry is found by what is told.
pub(super) fn index(context: &Context, scratch: &mut Vec<u8>, terms: &mut Terms) {
    if let Some(process) = &context.process {
        scratch.clear();
        id_text(process.id, scratch);
        terms.add(Field::Process.id(), scratch);
        let parent = process.parent.as_ref().and_then(|parent| parent.exe.as_ref());
        if let Some(exe) = parent {
            terms.add(Field::Parent.id(), exe);
        }
        let further = process.ancestors.iter().filter_map(|ancestor| ancestor.exe.as_ref());
        parent.into_iter().chain(further).for_each(|exe| terms.add(Field::Ancestor.id(), exe));
    }
    if let Some(Sha256(hash)) = &context.hash {
        scratch.clear();
        hash_text(hash, scratch);
        terms.add(Field::Hash.id(), scratch);
    }
    let parts = [
        (Field::Script, context.script.as_ref()),
        (Field::Container, context.container.as_ref().map(|container| &container.id)),
        (Field::Unit, context.unit.as_ref()),
        (Field::Origin, context.login.as_ref().and_then(|login| login.address.as_ref())),
    ];
    for (field, value) in parts {
        if let Some(value) = value {
            terms.add(field.id(), value);
        }
    }
}

/// Reads the member if it is next.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Context> {
    let mut context = Context::default();
    if reader.skip(b",\"context\":").is_none() {
        return Some(context);
    }
    reader.members(|reader, name| {
        match name {
            b"process" => context.process = Some(Arc::new(read_process(reader)?)),
            b"script" => context.script = Some(bytes(reader)?),
            b"hash" => {
                reader.skip(b"{\"sha256\":")?;
                context.hash = Some(read_hash(reader)?);
                reader.skip(b"}")?;
            }
            b"environment" => reader.members(|reader, name| {
                context.environment.push((name.into(), bytes(reader)?));
                Some(())
            })?,
            b"container" => context.container = Some(read_container(reader)?),
            b"unit" => context.unit = Some(bytes(reader)?),
            b"login" => context.login = Some(Arc::new(read_login(reader)?)),
            _ => return None,
        }
        Some(())
    })?;
    Some(context)
}

fn read_process(reader: &mut Reader<'_>) -> Option<Process> {
    let (mut id, mut parent, mut ancestors) = (None, None, Vec::new());
    reader.members(|reader, name| {
        match name {
            b"id" => id = Some(read_id(reader)?),
            b"parent" => {
                let (ancestor, argv) = read_ancestor(reader)?;
                parent = Some(Parent { id: ancestor.id, exe: ancestor.exe, argv: argv.into() });
            }
            b"ancestors" => reader.list(|reader| {
                ancestors.push(read_ancestor(reader)?.0);
                Some(())
            })?,
            _ => return None,
        }
        Some(())
    })?;
    Some(Process { id: id?, parent, ancestors })
}

fn read_ancestor(reader: &mut Reader<'_>) -> Option<(Ancestor, Vec<Bytes>)> {
    let (mut id, mut exe, mut argv) = (None, None, Vec::new());
    reader.members(|reader, name| {
        match name {
            b"id" => id = Some(read_id(reader)?),
            // It is part of the id as well.
            b"pid" => {
                reader.number::<u32>()?;
            }
            b"exe" => exe = Some(bytes(reader)?),
            b"argv" => reader.list(|reader| {
                argv.push(bytes(reader)?);
                Some(())
            })?,
            _ => return None,
        }
        Some(())
    })?;
    Some((Ancestor { id: id?, exe }, argv))
}

fn read_id(reader: &mut Reader<'_>) -> Option<ProcessId> {
    std::str::from_utf8(reader.plain()?).ok()?.parse().ok()
}

fn read_hash(reader: &mut Reader<'_>) -> Option<Sha256> {
    let mut hash = Vec::with_capacity(32);
    crate::record::fields::unhex(reader.plain()?, &mut hash).then_some(())?;
    hash.try_into().ok().map(Sha256)
}

fn read_container(reader: &mut Reader<'_>) -> Option<Container> {
    let (mut id, mut runtime) = (None, None);
    reader.members(|reader, name| {
        match name {
            b"id" => id = Some(bytes(reader)?),
            b"runtime" => {
                runtime = Some(Runtime::from_name(std::str::from_utf8(reader.plain()?).ok()?)?);
            }
            _ => return None,
        }
        Some(())
    })?;
    Some(Container { id: id?, runtime })
}

fn read_login(reader: &mut Reader<'_>) -> Option<Login> {
    let mut login = Login::default();
    let mut session = None;
    reader.members(|reader, name| {
        match name {
            b"session" => session = Some(reader.number()?),
            b"user" => login.user = Some(bytes(reader)?),
            b"uid" => login.uid = Some(reader.number()?),
            b"address" => login.address = Some(bytes(reader)?),
            b"terminal" => login.terminal = Some(bytes(reader)?),
            b"time" => login.time_ms = Some(date::read(reader.plain()?)?),
            _ => return None,
        }
        Some(())
    })?;
    login.session = session?;
    Some(login)
}

fn bytes(reader: &mut Reader<'_>) -> Option<Bytes> {
    let mut bytes = Vec::new();
    reader.text(&mut bytes)?;
    Some(bytes.into())
}
