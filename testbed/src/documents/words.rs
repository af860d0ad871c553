//! A line of shell as the programs that it calls, each with its words.

/// One program with its arguments; assignments before it and redirections are left out.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The program, and its arguments.
    pub words: Vec<String>,
}

/// Splits a line at pipes and separators, and the parts into words. Of `[--flag VALUE]` the brackets go, of `[a|b]` all.
#[must_use]
pub fn parts(line: &str) -> Vec<Part> {
    let mut all = vec![Vec::new()];
    let (mut word, mut started, mut quote, mut choice) = (String::new(), false, None, 0);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '\'' | '"') => (quote, started) = (Some(letter), true),
            // A choice that the reader makes, unless it is part of a word such as `.services[]`.
            (None, '[') if !started && letters.peek() != Some(&'-') => choice += 1,
            (None, ']') if choice > 0 => choice -= 1,
            (None, '[' | ']')
                if !started
                    || letter == ']' && letters.peek().is_none_or(|next| next.is_whitespace()) => {}
            (None, _) if choice > 0 => {}
            (None, '#') if !started => break,
            (None, '|' | ';' | '&' | '>') => {
                finish(&mut all, &mut word, &mut started);
                all.push(if letter == '>' {
                    vec![">".to_owned()]
                } else {
                    Vec::new()
                });
            }
            (None, space) if space.is_whitespace() => finish(&mut all, &mut word, &mut started),
            (None, _) => {
                word.push(letter);
                started = true;
            }
        }
    }
    finish(&mut all, &mut word, &mut started);
    let programs = all.into_iter().map(|words| {
        let words = words
            .into_iter()
            .skip_while(|word| is_assignment(word))
            .collect();
        Part { words }
    });
    programs
        .filter(|part| part.words.first().is_some_and(|first| first != ">"))
        .collect()
}

fn finish(all: &mut [Vec<String>], word: &mut String, started: &mut bool) {
    if std::mem::take(started)
        && let Some(last) = all.last_mut()
    {
        last.push(std::mem::take(word));
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|letter| {
                letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit()
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_programs() {
        let words = |line: &str| -> Vec<Vec<String>> {
            parts(line).into_iter().map(|part| part.words).collect()
        };
        assert_eq!(
            words("A=1 x --at '5m ago' | jq .a[].b > out # why"),
            [vec!["x", "--at", "5m ago"], vec!["jq", ".a[].b"]]
        );
        assert_eq!(
            words("x state [a|b] [SERVICE] [--at TIME]"),
            [["x", "state", "--at", "TIME"]]
        );
        assert_eq!(words("x; echo $?"), [vec!["x"], vec!["echo", "$?"]]);
    }
}
