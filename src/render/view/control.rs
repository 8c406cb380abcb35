//! The words for records whose fields decide the verb: changes of the configuration, denials, crashes, logins.

use std::borrow::Cow;

use crate::event::Event;
use crate::interpret::{self, UNSET};
use crate::record::RecordType;
use crate::record::fields::fields;
use crate::render::view::phrase::{context, shown, tense};
use crate::render::view::said::Said;
use crate::render::view::{Outcome, Sentence, Text, View};

/// Whether [`sentence`] has words for records of this type.
pub(super) fn is_known(kind: RecordType) -> bool {
    matches!(
        kind.0,
        1005 | 1006 | 1107 | 1305 | 1324..=1326 | 1328 | 1334 | 1335 | 1400 | 1404 | 1405 | 1423 | 1500..=1507
            | 1700..=1703 | 2000
    )
}

/// The words for a record; `None` for one that [`is_known`] does not name.
pub(super) fn sentence<'a>(said: &Said<'a>, event: &'a Event, view: &View<'a>) -> Option<Sentence<'a>> {
    Some(match said.kind.0 {
        1005 => message(said),
        1006 => login(said, view),
        1107 | 1400 | 1500..=1507 => denial(said, view),
        1305 => config_change(said, view),
        1324 => packet(said),
        1325 => netfilter(said, view),
        1326 => seccomp(said, event, view),
        1328 => feature(said, view),
        1334 => bpf(said, view),
        1335 => listener(said, view),
        1404 => setting(view, "SELinux enforcing mode", said.get(b"enforcing"), said.get(b"old_enforcing")),
        1405 => setting_of(view, said.get(b"bool"), said.get(b"val"), said.get(b"old_val")),
        1423 => landlock(said),
        1700 => promiscuous(said),
        1701 => abend(said, event, view),
        1702 | 1703 => refused_link(said, view),
        2000 => Sentence { verb: Cow::Borrowed("started to audit"), ..Sentence::default() },
        _ => return None,
    })
}

/// How the event ended, for records that tell it by other words than `res=`.
pub(super) fn outcome(said: &Said<'_>) -> Outcome {
    let is = |name: &[u8], word: &[u8]| said.get(name).is_some_and(|value| *value == *word);
    match said.kind.0 {
        1423 => Outcome::Failed,
        1326 if is(b"code", b"0x7fff0000") || is(b"code", b"0x7ffc0000") => Outcome::Ok,
        1326 => Outcome::Failed,
        1107 | 1400 | 1500..=1507 if is(b"permissive", b"1") => Outcome::Ok,
        1107 | 1400 | 1500..=1507 => match decision(said) {
            Some(Decision::Denied) => Outcome::Failed,
            Some(Decision::Granted) => Outcome::Ok,
            None => Outcome::Untold,
        },
        _ => Outcome::Untold,
    }
}

/// The words for what ktraild says of the trail itself, which `docs/format.md` lists; `None` for what another daemon says.
pub(super) fn own<'a>(said: &Said<'a>) -> Option<Sentence<'a>> {
    let field = |name: &str| said.get(name.as_bytes());
    let pair = |first: &str, word: &[u8], second: &str| {
        Some(Cow::Owned([&*field(first)?, word, &*field(second)?].concat()))
    };
    let trail = |verb, object, second| Sentence {
        actor: Some(Cow::Borrowed(b"the audit trail")),
        verb: Cow::Borrowed(verb),
        object,
        second,
    };
    let operation = said.get(b"op")?;
    Some(match (said.kind.0, &*operation) {
        (1203, b"rules-drift") => {
            let (verb, object) = match field("change").as_deref() {
                Some(b"added") => ("added the rule", field("rule")),
                Some(b"removed") => ("removed the rule", field("rule")),
                _ => ("changed more rules:", field("rules")),
            };
            Sentence { object, second: field("repair").map(|repair| ("repair:", repair)), ..plain(verb) }
        }
        (1206, b"low-space") => trail("has space again after ms:", field("low_ms"), None),
        (1206, b"write") => trail(
            "could not be written for ms:",
            field("failed_ms"),
            field("error").map(|error| ("for", error)),
        ),
        (1209, b"gap") => trail(
            "misses records:",
            field("missing"),
            pair("from", b" to ", "to").map(|serials| ("serials", serials)),
        ),
        (1209, b"lost") => trail("lost records:", field("lost"), field("total").map(|total| ("of", total))),
        (1209, b"low-space") => {
            trail("is short of space:", field("action"), field("segment").map(|segment| ("segment", segment)))
        }
        _ => return None,
    })
}

fn plain(verb: &'static str) -> Sentence<'static> {
    Sentence { verb: Cow::Borrowed(verb), ..Sentence::default() }
}

fn message<'a>(said: &Said<'a>) -> Sentence<'a> {
    Sentence { object: text(said), ..plain("sent the message") }
}

/// The text of a message that a program sent.
pub(super) fn text<'a>(said: &Said<'a>) -> Option<Text<'a>> {
    let message = said.message();
    let text = message.strip_prefix(b"text=").unwrap_or(message);
    // The audit library adds the program and where it runs after the text.
    let end = memchr::memmem::rfind(text, b" exe=").unwrap_or(text.len());
    let text = text.get(..end).unwrap_or(text).trim_ascii();
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

fn login<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    if view.subject.auid.is_some_and(|id| !id.is_set()) {
        return plain("gave up its login");
    }
    let session = view.subject.session.filter(|session| *session != UNSET).and_then(|_| said.get(b"ses"));
    let verb = tense(("began the session", "begin the session"), view.outcome);
    Sentence { verb, object: session, ..Sentence::default() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Denied,
    Granted,
}

/// What a security module decided: SELinux writes `avc:  denied  { read } for …`, AppArmor `apparmor="DENIED"`, and its
/// types of old say it themselves.
pub(super) fn decision(said: &Said<'_>) -> Option<Decision> {
    let text = said.message();
    let selinux = text.strip_prefix(b"avc:").map(<[u8]>::trim_ascii_start);
    match (selinux, said.get(b"apparmor").as_deref()) {
        (Some(text), _) if text.starts_with(b"denied") => Some(Decision::Denied),
        (Some(text), _) if text.starts_with(b"granted") => Some(Decision::Granted),
        (_, Some(b"DENIED")) => Some(Decision::Denied),
        (_, Some(b"ALLOWED" | b"AUDIT")) => Some(Decision::Granted),
        (_, Some(_)) => None,
        _ => match said.kind.0 {
            1503 | 1507 => Some(Decision::Denied),
            1501 | 1502 => Some(Decision::Granted),
            _ => None,
        },
    }
}

fn denial<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    let verb = match decision(said) {
        Some(Decision::Denied) => "was denied",
        Some(Decision::Granted) => "was granted",
        None => {
            let object = said.first_of(&["info", "operation", "profile"]);
            return Sentence { object, ..plain("had the security module report") };
        }
    };
    let object =
        permissions(said.message()).or_else(|| said.first_of(&["requested_mask", "operation", "capname"]));
    let on = said.first_of(&["path", "name", "target", "dest"]);
    let on = on.or_else(|| view.object().and_then(shown)).or_else(|| said.first_of(&["tclass", "class"]));
    Sentence { object, second: on.map(|on| ("on", on)), ..plain(verb) }
}

/// `read write` of `{ read write }`.
fn permissions(text: &[u8]) -> Option<Text<'_>> {
    let (_, rest) = text.split_at_checked(memchr::memchr(b'{', text)? + 1)?;
    let inside = rest.get(..memchr::memchr(b'}', rest)?)?;
    Some(Cow::Borrowed(inside.trim_ascii()))
}

fn config_change<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    let operation = said.get(b"op");
    let verb = match operation.as_deref() {
        Some(b"add_rule") => ("added the rule", "add the rule"),
        Some(b"remove_rule") => ("removed the rule", "remove the rule"),
        Some(b"updated_rules") => ("updated the rules", "update the rules"),
        _ => return changed_setting(said, view),
    };
    let key = view.keys.first().cloned();
    let object =
        key.or_else(|| said.first_of(&["path", "dir", "exe"])).unwrap_or(Cow::Borrowed(b"without a key"));
    let list = said.get(b"list").map(|list| {
        let value = crate::record::fields::Value::Bare(&list);
        let context = interpret::context::Context { record: said.kind, arch: None, syscall: None };
        Cow::Owned(interpret::value(&context, b"list", &value).into_owned())
    });
    let second = list.map(|list| (if verb.0.starts_with("removed") { "from list" } else { "on list" }, list));
    Sentence { verb: tense(verb, view.outcome), object: Some(object), second, ..Sentence::default() }
}

/// `audit_enabled=1 old=0`: the field before `old`.
fn changed_setting<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    let mut before = None;
    for field in fields(said.body) {
        if field.name == b"old"
            && let Some((name, new)) = before
        {
            let old = Cow::Borrowed(interpret::inside(&field.value));
            return setting_of(view, Some(Cow::Borrowed(name)), Some(Cow::Borrowed(new)), Some(old));
        }
        before = Some((field.name, interpret::inside(&field.value)));
    }
    let verb = tense(("changed the audit configuration", "change the audit configuration"), view.outcome);
    Sentence { verb, object: said.get(b"op"), ..Sentence::default() }
}

fn setting<'a>(
    view: &View<'a>,
    name: &'static str,
    new: Option<Text<'a>>,
    old: Option<Text<'a>>,
) -> Sentence<'a> {
    setting_of(view, Some(Cow::Borrowed(name.as_bytes())), new, old)
}

fn setting_of<'a>(
    view: &View<'a>,
    name: Option<Text<'a>>,
    new: Option<Text<'a>>,
    old: Option<Text<'a>>,
) -> Sentence<'a> {
    let second = new.map(|new| match old {
        Some(old) => ("to", Cow::Owned([&*new, b" (was ", &*old, b")"].concat())),
        None => ("to", new),
    });
    Sentence { verb: tense(("set", "set"), view.outcome), object: name, second, ..Sentence::default() }
}

fn feature<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    setting_of(view, said.get(b"feature"), said.get(b"new"), said.get(b"old"))
}

fn packet<'a>(said: &Said<'a>) -> Sentence<'a> {
    let second = said.get(b"daddr").map(|to| ("to", to));
    Sentence { object: said.get(b"saddr"), second, ..plain("saw a packet from") }
}

fn netfilter<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    let verb = tense(("changed the netfilter table", "change the netfilter table"), view.outcome);
    let second = said.get(b"op").map(|operation| ("by", operation));
    Sentence { verb, object: said.get(b"table"), second, ..Sentence::default() }
}

fn seccomp<'a>(said: &Said<'a>, event: &Event, view: &View<'a>) -> Sentence<'a> {
    let context = context(event, said.kind);
    let verb = match told(said, &context, b"code").as_deref() {
        Some(b"kill-process" | b"kill-thread") => "was killed by seccomp at",
        Some(b"trap") => "was trapped by seccomp at",
        Some(b"errno") => "was refused by seccomp",
        Some(b"log" | b"allow") => "was reported by seccomp at",
        _ => "was stopped by seccomp at",
    };
    Sentence { actor: program(view), object: told(said, &context, b"syscall"), ..plain(verb) }
}

fn abend<'a>(said: &Said<'a>, event: &Event, view: &View<'a>) -> Sentence<'a> {
    let context = context(event, said.kind);
    let second = told(said, &context, b"sig").map(|signal| ("by", signal));
    Sentence { actor: program(view), second, ..plain("crashed") }
}

/// The field's value in words.
fn told<'a>(said: &Said<'a>, context: &interpret::context::Context, name: &[u8]) -> Option<Text<'a>> {
    let field = fields(said.body).find(|field| field.name == name)?;
    Some(interpret::value(context, name, &field.value))
}

fn program<'a>(view: &View<'a>) -> Option<Text<'a>> {
    view.process.comm.clone().or_else(|| view.process.exe.clone())
}

fn bpf<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    let verb = match said.get(b"op").as_deref() {
        Some(b"UNLOAD") => ("unloaded the bpf program", "unload the bpf program"),
        _ => ("loaded the bpf program", "load the bpf program"),
    };
    Sentence { verb: tense(verb, view.outcome), object: said.get(b"prog-id"), ..Sentence::default() }
}

fn listener<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    let verb = match said.get(b"op").as_deref() {
        Some(b"disconnect") => ("stopped listening to audit events", "stop listening to audit events"),
        _ => ("began to listen to audit events", "listen to audit events"),
    };
    Sentence { verb: tense(verb, view.outcome), ..Sentence::default() }
}

fn landlock<'a>(said: &Said<'a>) -> Sentence<'a> {
    let second = said.first_of(&["path", "opid", "daddr", "dport"]).map(|on| ("on", on));
    Sentence { object: said.get(b"blockers"), second, ..plain("was denied") }
}

fn promiscuous<'a>(said: &Said<'a>) -> Sentence<'a> {
    let off = said.get(b"prom").is_some_and(|prom| *prom == *b"0");
    let verb = if off { "ended promiscuous mode of" } else { "began promiscuous mode of" };
    Sentence { object: said.get(b"dev"), ..plain(verb) }
}

fn refused_link<'a>(said: &Said<'a>, view: &View<'a>) -> Sentence<'a> {
    let verb = match said.get(b"op").as_deref() {
        Some(b"follow_link") => "was refused to follow the link",
        Some(b"linkat") => "was refused to link",
        Some(b"sticky_create") => "was refused to create in a sticky directory",
        _ => "was refused to use",
    };
    Sentence { object: view.object().and_then(shown), ..plain(verb) }
}
