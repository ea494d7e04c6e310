//! Splits a rule into words the way iptables-restore does: blanks part them, double quotes keep blanks, a backslash
//! inside quotes keeps the next character.

/// One word, and whether it was quoted (a quoted word is never an option).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// The words of a line, or `None` when a quote is never closed.
pub(super) fn split(line: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = line.chars();
    let mut word: Option<Word> = None;
    let mut inside = false;
    while let Some(character) = rest.next() {
        match character {
            '\\' if inside => open(&mut word).text.push(rest.next()?),
            '"' => {
                inside = !inside;
                open(&mut word).quoted = true;
            }
            blank if blank.is_ascii_whitespace() && !inside => words.extend(word.take()),
            other => open(&mut word).text.push(other),
        }
    }
    words.extend(word);
    (!inside).then_some(words)
}

fn open(word: &mut Option<Word>) -> &mut Word {
    word.get_or_insert_with(|| Word {
        text: String::new(),
        quoted: false,
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    fn texts(line: &str) -> Option<Vec<String>> {
        Some(split(line)?.into_iter().map(|word| word.text).collect())
    }

    #[test]
    fn quotes_keep_blanks_and_escaped_quotes() {
        assert_eq!(
            texts(r#"--comment "a b \"c\" -j DROP" -j ACCEPT"#),
            Some(vec![
                "--comment".into(),
                r#"a b "c" -j DROP"#.into(),
                "-j".into(),
                "ACCEPT".into()
            ])
        );
    }

    #[test]
    fn an_open_quote_is_damage() {
        assert_eq!(texts(r#"--comment "a b"#), None);
        assert_eq!(texts(r#"--comment "a\"#), None);
    }
}
