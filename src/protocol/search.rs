//! What a search asks for.

/// What a search asks for: the parameters of `/v1/search`, `/v1/count` and `/v1/tail`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchParameters {
    /// `q`: a filter.
    pub filter: Option<String>,
    /// `since`: milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// `until`: milliseconds since 1970.
    pub until_ms: Option<u64>,
    /// `order=newest`.
    pub newest_first: bool,
    /// `limit`.
    pub limit: Option<u64>,
    /// `after`: a cursor.
    pub after: Option<String>,
}

impl SearchParameters {
    /// The query of a request's path.
    pub fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut number = |name: &str, value: Option<u64>| {
            if let Some(value) = value {
                query.append_pair(name, &value.to_string());
            }
        };
        number("since", self.since_ms);
        number("until", self.until_ms);
        number("limit", self.limit);
        for (name, value) in [("q", &self.filter), ("after", &self.after)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if self.newest_first {
            query.append_pair("order", "newest");
        }
        query.finish()
    }

    /// Reads the query of a request's path; the error says what is wrong with it.
    pub fn from_query(query: &str) -> Result<SearchParameters, String> {
        let mut parameters = SearchParameters::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let number = || value.parse().map_err(|_| format!("{name} is not a whole number: {value:?}"));
            match &*name {
                "q" => parameters.filter = Some(value.into_owned()),
                "since" => parameters.since_ms = Some(number()?),
                "until" => parameters.until_ms = Some(number()?),
                "limit" => parameters.limit = Some(number()?),
                "after" => parameters.after = Some(value.into_owned()),
                "order" => match &*value {
                    "oldest" => parameters.newest_first = false,
                    "newest" => parameters.newest_first = true,
                    _ => return Err(format!("order is oldest or newest, not {value:?}")),
                },
                _ => {
                    return Err(format!(
                        "unknown parameter {name:?}; known are q, since, until, limit, after and order"
                    ));
                }
            }
        }
        Ok(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_back_from_their_query() {
        let parameters = SearchParameters {
            filter: Some("key=\"a b\" and path~/ä&x".to_owned()),
            since_ms: Some(1),
            until_ms: Some(u64::MAX),
            newest_first: true,
            limit: Some(3),
            after: Some("4-5".to_owned()),
        };
        assert_eq!(SearchParameters::from_query(&parameters.to_query()), Ok(parameters));
        assert_eq!(SearchParameters::from_query(""), Ok(SearchParameters::default()));
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        for (query, expected) in
            [("x=1", "\"x\""), ("limit=-1", "limit"), ("order=up", "\"up\""), ("since=now", "\"now\"")]
        {
            let error = SearchParameters::from_query(query).expect_err(query);
            assert!(error.contains(expected), "{query}: {error}");
        }
    }
}
