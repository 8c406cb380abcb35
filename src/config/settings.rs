//! Each module's own settings, made from the file's tables. An error names the setting and what is wrong with it.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::{Gid, Group};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::error::Invalid;
use super::file::{self, Flush, Name, OverloadPolicy};
use super::{Confine, ConfineMode, LowSpace, OnDrift, Overload, Space, output, reference};
use crate::enrich::limits::{ANCESTORS_MAX, VARIABLES_MAX};
use crate::enrich::observe;
use crate::ingest::shed;
use crate::outputs;
use crate::redact::{self, Redactor};
use crate::store;

/// A number that is not below the least of its setting.
pub(super) fn at_least(setting: &'static str, value: u64) -> Result<u64, (&'static str, Invalid)> {
    match reference::range(setting).0 {
        least if value >= least => Ok(value),
        least => Err((setting, Invalid::TooSmall { value, least })),
    }
}

/// The store in a directory.
pub(super) fn store(
    file: &file::Store,
    seal: &file::Seal,
    dir: PathBuf,
    space: &Space,
) -> Result<store::Config, (&'static str, Invalid)> {
    let interval_s = at_least("seal.interval_s", seal.interval_s)?;
    Ok(store::Config {
        dir,
        rotate_bytes: at_least("store.rotate_bytes", file.rotate_bytes)?,
        rotate_age: seconds(file.rotate_age_s),
        retain_bytes: (file.retain_bytes > 0).then_some(file.retain_bytes),
        retain_age: seconds(file.retain_age_s),
        flush: match file.flush {
            Flush::None => store::Flush::None,
            Flush::Interval => {
                let least = at_least("store.flush_interval_ms", file.flush_interval_ms)?;
                store::Flush::Interval(Duration::from_millis(least))
            }
            Flush::EveryEvent => store::Flush::EveryEvent,
        },
        group: group(&file.group).map_err(|cause| ("store.group", cause))?,
        min_free_bytes: Some(space.min_free_bytes)
            .filter(|bytes| *bytes > 0 && space.policy == LowSpace::Rotate),
        sign: seal.enabled.then(|| Duration::from_secs(interval_s)),
        ..store::Config::default()
    })
}

/// The outputs; of a wrong one the setting and why.
pub(super) fn outputs(
    tables: &BTreeMap<String, output::Output>,
    node: &Name,
) -> Result<Vec<outputs::Config>, (String, Invalid)> {
    let named = |name: &str, setting: &str| match setting {
        "" => format!("output.{name}"),
        setting => format!("output.{name}.{setting}"),
    };
    let made = tables.iter().map(|(name, table)| {
        output::output(name, table, node).map_err(|(setting, cause)| (named(name, setting), cause))
    });
    made.collect()
}

/// The group of that name, if one is named.
pub(super) fn group(name: &Option<String>) -> Result<Option<Gid>, Invalid> {
    let Some(name) = name else { return Ok(None) };
    let found = Group::from_name(name).ok().flatten();
    found.map(|group| Some(group.gid)).ok_or_else(|| Invalid::Group(name.clone()))
}

/// What is replaced, and whether it can be.
pub(super) fn redaction(file: file::Redact) -> Result<Option<redact::Config>, redact::error::Error> {
    let default = redact::Config::default();
    let config = redact::Config {
        options: file.options.unwrap_or(default.options),
        programs: file.programs.map_or(default.programs, |programs| programs.into_iter().collect()),
        assignments: file.assignments.unwrap_or(default.assignments),
        urls: file.urls,
        patterns: file.patterns,
    };
    Redactor::new(&config)?;
    Ok(file.enabled.then_some(config))
}

/// A time in seconds, of which 0 is none.
pub(super) fn seconds(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

pub(super) fn on_drift(choice: file::OnDrift) -> OnDrift {
    match choice {
        file::OnDrift::Tell => OnDrift::Tell,
        file::OnDrift::Repair => OnDrift::Repair,
    }
}

pub(super) fn overload(overload: file::Overload) -> Result<Overload, Invalid> {
    let file::Overload { policy, keep_keys, first_keys } = overload;
    if let Some(key) = keep_keys.iter().find(|key| first_keys.contains(key)) {
        return Err(Invalid::KeptAndFirst(key.clone()));
    }
    let bytes = |keys: Vec<String>| keys.into_iter().map(|key| Box::from(key.into_bytes())).collect();
    match policy {
        OverloadPolicy::Hold if !keep_keys.is_empty() || !first_keys.is_empty() => Err(Invalid::UnusedKeys),
        OverloadPolicy::Hold => Ok(Overload::Hold),
        OverloadPolicy::Shed => {
            Ok(Overload::Shed(shed::Config { keep_keys: bytes(keep_keys), first_keys: bytes(first_keys) }))
        }
    }
}

pub(super) fn confine(file: &file::Confine) -> Result<Confine, (&'static str, Invalid)> {
    let lists =
        [("confine.read", &file.read), ("confine.write", &file.write), ("confine.execute", &file.execute)];
    for (setting, paths) in lists {
        if let Some(path) = paths.iter().find(|path| !path.is_absolute()) {
            return Err((setting, Invalid::Relative(path.clone())));
        }
    }
    let number = |name: &String| {
        let found = format!("CAP_{}", name.to_ascii_uppercase()).parse::<caps::Capability>();
        found
            .map(|found| found.index())
            .map_err(|_| ("confine.capabilities", Invalid::Capability(name.clone())))
    };
    Ok(Confine {
        mode: match file.mode {
            file::Mode::BestEffort => ConfineMode::BestEffort,
            file::Mode::Required => ConfineMode::Required,
            file::Mode::Off => ConfineMode::Off,
        },
        limit_paths: file.limit_paths,
        capabilities: file.capabilities.iter().map(number).collect::<Result<_, _>>()?,
        read: file.read.clone(),
        write: file.write.clone(),
        execute: file.execute.clone(),
    })
}

/// Levels, each of all or of one module. A word that is no level would be taken for a module, and the daemon would be silent.
pub(super) fn level(text: String) -> Result<String, Invalid> {
    let is_level = |part: &str| {
        let (module, level) =
            part.split_once('=').map_or((None, part), |(module, level)| (Some(module), level));
        module != Some("") && level.parse::<LevelFilter>().is_ok()
    };
    let is_filter = text.split(',').all(is_level) && text.parse::<Targets>().is_ok();
    if is_filter { Ok(text) } else { Err(Invalid::Level(text)) }
}

pub(super) fn space(store: &file::Store) -> Result<Space, Invalid> {
    let (policy, mut command) = (store.on_low_space, store.low_space_command.clone());
    let runs = matches!(policy, file::LowSpace::Run | file::LowSpace::Halt);
    if policy == file::LowSpace::Halt && command.is_empty() {
        command = ["/usr/bin/systemctl", "poweroff"].map(str::to_owned).to_vec();
    }
    match command.first() {
        None if runs => return Err(Invalid::NoCommand),
        Some(_) if !runs => return Err(Invalid::UnusedCommand),
        Some(program) if !program.starts_with('/') => return Err(Invalid::Relative(program.into())),
        _ => {}
    }
    let policy = match policy {
        file::LowSpace::Rotate => LowSpace::Rotate,
        file::LowSpace::Hold => LowSpace::Hold,
        file::LowSpace::Run => LowSpace::Run(command),
        file::LowSpace::Halt => LowSpace::Halt(command),
    };
    Ok(Space { min_free_bytes: store.min_free_bytes, policy })
}

pub(super) fn enrich(file: &file::Enrich) -> Result<observe::Config, (&'static str, Invalid)> {
    let at_most = |setting, value: u64, most: usize| match usize::try_from(value) {
        Ok(value) if value <= most => Ok(value),
        _ => Err((setting, Invalid::TooLarge { value, most: u64::try_from(most).unwrap_or(u64::MAX) })),
    };
    let count = u64::try_from(file.environment.len()).unwrap_or(u64::MAX);
    at_most("enrich.environment", count, VARIABLES_MAX)?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = |name: &str| !name.is_empty() && name.len() <= 256 && name.chars().all(is_word);
    if let Some(name) = file.environment.iter().find(|name| !is_name(name)) {
        return Err(("enrich.environment", Invalid::Variable(name.clone())));
    }
    Ok(observe::Config {
        process: file.process,
        ancestors: at_most("enrich.ancestors", file.ancestors, ANCESTORS_MAX)?,
        script: file.script,
        container: file.container,
        unit: file.unit,
        login: file.login,
        hash_bytes_max: file.hash.then_some(file.hash_bytes_max),
        environment: file.environment.iter().map(|name| name.as_bytes().into()).collect(),
        ..observe::Config::default()
    })
}

/// The text of `node=`; `None` where there is to be none or the host's name cannot be had.
pub(super) fn node(name: &Name) -> Option<Box<[u8]>> {
    match name {
        Name::None => None,
        Name::Hostname => nix::unistd::gethostname().ok().map(|name| Box::from(name.as_bytes())),
        Name::Text(name) => Some(Box::from(name.as_bytes())),
    }
}
