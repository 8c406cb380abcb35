//! A configuration file: what is wrong is told with a place in it, and what is accepted is within its limits.
#![no_main]

use std::path::Path;

use ktrail::config::error::Error;
use ktrail::config::{Config, Overrides};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Config::parse(text, Path::new("ktrail.toml"), &Overrides::default()) {
        Ok(config) => {
            assert!(config.socket.is_absolute() && config.store.dir.is_absolute());
            assert!(config.metrics.is_none_or(|address| address.ip().is_loopback()), "for this machine only");
            assert!(config.store.rotate_bytes >= 1 << 20);
            assert!(config.events.receive_buffer_bytes >= 64 << 10);
            assert!(config.assembler.syscall_idle_ms >= 10);
            assert!(config.space.policy.command().is_none_or(|command| command[0].starts_with('/')));
            assert!(config.node.is_none_or(|node| !node.is_empty() && !node.contains(&b' ')));
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.starts_with("ktrail.toml:"), "{told}");
            if let Error::Syntax { line, column, .. } = error {
                let place = text.split('\n').nth(line - 1);
                let characters = place.expect("the line is in the text").chars().count();
                assert!(column >= 1 && column <= characters + 1, "{told}");
            }
        }
    }
});
