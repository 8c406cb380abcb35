//! A reader of OpenMetrics text 1.0 that holds it to the rules: metadata before samples, names by type and unit, buckets
//! that add up, an end.

use std::collections::BTreeMap;

/// A metric family.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

/// One line.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    /// What follows the family's name.
    pub(crate) suffix: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Family {
    /// The value of the sample with this suffix and, unless it is empty, this value of any label.
    pub(crate) fn value(&self, suffix: &str, label: &str) -> f64 {
        let matches = |sample: &&Sample| {
            sample.suffix == suffix
                && (label.is_empty() || sample.labels.values().any(|value| value == label))
        };
        self.samples.iter().find(matches).unwrap_or_else(|| panic!("no {suffix} {label}: {self:?}")).value
    }
}

/// Reads the text, or says which rule it breaks.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("it does not end with # EOF")?;
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in body.split_terminator('\n') {
        let wrong = |what: &str| format!("{what}: {line:?}");
        if let Some(metadata) = line.strip_prefix("# ") {
            let mut words = metadata.splitn(3, ' ');
            let (Some(word), Some(name), Some(value)) = (words.next(), words.next(), words.next()) else {
                return Err(wrong("metadata without a value"));
            };
            if name != current {
                if !is_name(name) || families.contains_key(name) {
                    return Err(wrong("a name that is none, or comes twice"));
                }
                current = name.to_owned();
            }
            let family = families.entry(current.clone()).or_default();
            let place = match word {
                "TYPE" => &mut family.kind,
                "UNIT" => &mut family.unit,
                "HELP" => &mut family.help,
                _ => return Err(wrong("unknown metadata")),
            };
            if !place.is_empty() || !family.samples.is_empty() {
                return Err(wrong("metadata that comes twice or late"));
            }
            value.clone_into(place);
        } else {
            let family = families.get_mut(&current).ok_or_else(|| wrong("a sample without metadata"))?;
            let sample = sample(line, &current).ok_or_else(|| wrong("not a sample of the family"))?;
            if family
                .samples
                .iter()
                .any(|other| other.suffix == sample.suffix && other.labels == sample.labels)
            {
                return Err(wrong("a sample that comes twice"));
            }
            family.samples.push(sample);
        }
    }
    families.iter().try_for_each(|(name, family)| {
        check(name, family).map_err(|what| format!("{name}: {what}: {family:?}"))
    })?;
    Ok(families)
}

fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

fn sample(line: &str, family: &str) -> Option<Sample> {
    let rest = line.strip_prefix(family)?;
    let end = rest.find(['{', ' '])?;
    let (suffix, rest) = rest.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        // No label of ours has a brace in its value.
        Some(rest) => rest.split_once("} ")?,
        None => ("", rest.strip_prefix(' ')?),
    };
    Some(Sample { suffix: suffix.to_owned(), labels: labels_of(labels)?, value: value.parse().ok()? })
}

/// Reads `name="value",…`.
fn labels_of(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, value) = text.split_once('=')?;
        let (value, rest) = quoted(value)?;
        if !is_name(name) || labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some(labels)
}

/// What is in quotes at the beginning, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.strip_prefix('"')?.chars();
    loop {
        match letters.next()? {
            '"' => return Some((value, letters.as_str())),
            '\\' => value.push(match letters.next()? {
                'n' => '\n',
                letter @ ('"' | '\\') => letter,
                _ => return None,
            }),
            letter => value.push(letter),
        }
    }
}

fn check(name: &str, family: &Family) -> Result<(), &'static str> {
    let suffixes: &[&str] = match family.kind.as_str() {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_count", "_sum"],
        "info" => &["_info"],
        _ => return Err("an unknown type"),
    };
    let fits = |ok: bool, what| if ok { Ok(()) } else { Err(what) };
    fits(!family.help.is_empty(), "no help")?;
    fits(!family.samples.is_empty(), "no sample")?;
    let has_unit = !family.unit.is_empty();
    fits(!has_unit || name.ends_with(&format!("_{}", family.unit)), "a unit that is not in the name")?;
    fits(!has_unit || family.kind != "info", "an info with a unit")?;
    let reserved = ["_total", "_bucket", "_count", "_sum", "_info", "_created"];
    fits(!reserved.iter().any(|suffix| name.ends_with(suffix)), "a name with a suffix of samples")?;
    for sample in &family.samples {
        fits(suffixes.contains(&sample.suffix.as_str()), "a suffix that its type has not")?;
        fits(family.kind == "gauge" || sample.value >= 0.0 && sample.value.is_finite(), "a negative count")?;
    }
    if family.kind == "histogram" { buckets(family) } else { Ok(()) }
}

/// The buckets of each set of labels grow, end with `+Inf`, and that is the count.
fn buckets(family: &Family) -> Result<(), &'static str> {
    let mut sets: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in family.samples.iter().filter(|sample| sample.suffix == "_bucket") {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le").and_then(|bound| bound.parse().ok()).ok_or("a bucket without le")?;
        sets.entry(labels).or_default().push((bound, sample.value));
    }
    for (labels, buckets) in sets {
        let grows = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let last = buckets.last().copied();
        let of = |suffix: &str| {
            family.samples.iter().find(|sample| sample.suffix == suffix && sample.labels == labels)
        };
        let count = of("_count").ok_or("no count")?.value;
        of("_sum").ok_or("no sum")?;
        if !grows || last != Some((f64::INFINITY, count)) {
            return Err("buckets that do not add up");
        }
    }
    Ok(())
}

#[test]
fn text_that_breaks_a_rule_is_refused() {
    let good = "# HELP a_x Help.\n# TYPE a_x counter\n# UNIT a_x x\na_x_total{b=\"c\"} 1\n";
    assert!(parse(&format!("{good}# EOF\n")).is_ok());
    let histogram = "# HELP h H\n# TYPE h histogram\nh_sum 1\nh_count 3\n";
    for (text, why) in [
        (good.to_owned(), "it does not end"),
        (format!("{good}# EOF\n\n"), "it does not end"),
        (format!("{good}{good}# EOF\n"), "late"),
        (format!("{good}a_x_total{{b=\"c\"}} 2\n# EOF\n"), "twice"),
        (format!("{good}\n# EOF\n"), "not a sample"),
        (format!("{}# EOF\n", good.replace("_total", "")), "a suffix"),
        (format!("{}# EOF\n", good.replace("} 1", "} -1")), "negative"),
        (format!("{}# EOF\n", good.replace("UNIT a_x x", "UNIT a_x y")), "a unit"),
        (format!("{}# EOF\n", good.replace("counter", "number")), "an unknown type"),
        ("b 1\n# EOF\n".to_owned(), "without metadata"),
        (format!("{histogram}h_bucket{{le=\"1\"}} 2\n# EOF\n"), "add up"),
        (format!("{histogram}h_bucket{{le=\"1\"}} 4\nh_bucket{{le=\"+Inf\"}} 3\n# EOF\n"), "add up"),
    ] {
        let error = parse(&text).expect_err(&text);
        assert!(error.contains(why), "{error} for {text}");
    }
}
