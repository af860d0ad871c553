//! The lines that are printed for a sample: the same names, values and order as in JSON, one `name value` a line.

use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use super::json::SampleLine;

/// Prints a sample and an empty line after it; fields of records are named `record.field`.
pub(super) fn print(line: &SampleLine<'_>, out: &mut dyn Write) -> io::Result<()> {
    line.serialize(&mut Serializer::with_formatter(&mut *out, Lines::default()))?;
    writeln!(out)
}

/// Writes what JSON has, with the way to each value before it.
#[derive(Debug, Default)]
struct Lines {
    path: Vec<Step>,
    place: Place,
}

/// One step on the way to a value.
#[derive(Debug)]
enum Step {
    /// Into an object.
    Key(Vec<u8>),
    /// Into an array; `None` before its first item.
    Index(Option<usize>),
}

/// Where strings belong.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    Key,
    #[default]
    Value,
}

impl Lines {
    /// Writes the name of the value that comes, without the `records` it is in.
    fn name(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        let steps = match self.path.as_slice() {
            [Step::Key(key), inner @ ..] if key == b"records" && !inner.is_empty() => inner,
            all => all,
        };
        for (number, step) in steps.iter().enumerate() {
            if number > 0 {
                out.write_all(b".")?;
            }
            match step {
                Step::Key(key) => out.write_all(key)?,
                Step::Index(index) => write!(out, "{}", index.unwrap_or_default())?,
            }
        }
        Ok(())
    }

    /// Writes a part of a string to the key or the line that it belongs to.
    fn string(
        &mut self,
        out: &mut (impl Write + ?Sized),
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        match (self.place, self.path.last_mut()) {
            (Place::Key, Some(Step::Key(key))) => write(key),
            _ => write(&mut &mut *out),
        }
    }
}

/// Writes values that are no strings on lines of their own.
macro_rules! leaves {
    ($( $method:ident($type:ty) )+) => {
        $(
            fn $method<W: Write + ?Sized>(&mut self, out: &mut W, value: $type) -> io::Result<()> {
                self.name(out)?;
                out.write_all(b" ")?;
                CompactFormatter.$method(out, value)?;
                out.write_all(b"\n")
            }
        )+
    };
}

impl Formatter for Lines {
    leaves! {
        write_bool(bool) write_i32(i32) write_i64(i64)
        write_u8(u8) write_u16(u16) write_u32(u32) write_u64(u64) write_f32(f32) write_f64(f64)
    }

    fn write_null<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.name(out)?;
        out.write_all(b" null\n")
    }

    fn begin_string<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        if self.place == Place::Key {
            return Ok(());
        }
        self.name(out)?;
        out.write_all(b" ")
    }

    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.string(out, |out| write!(out, "{}", fragment.escape_debug()))
    }

    fn write_char_escape<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.string(out, |out| CompactFormatter.write_char_escape(out, escape))
    }

    fn end_string<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        match self.place {
            Place::Key => Ok(()),
            Place::Value => out.write_all(b"\n"),
        }
    }

    fn begin_array<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.path.push(Step::Index(None));
        Ok(())
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        if let Some(Step::Index(index)) = self.path.last_mut() {
            *index = Some(index.map_or(0, |index| index.saturating_add(1)));
        }
        Ok(())
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        if let Some(Step::Index(None)) = self.path.pop() {
            self.name(out)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn end_object<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.path.push(Step::Key(Vec::new()));
        self.place = Place::Key;
        Ok(())
    }

    fn end_object_key<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.place = Place::Value;
        Ok(())
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.path.pop();
        Ok(())
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: impl serde::Serialize, expected: &str) {
        let mut out = Vec::new();
        value
            .serialize(&mut Serializer::with_formatter(&mut out, Lines::default()))
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn every_value_has_its_way_before_it() {
        check(
            json!({ "agent": null, "records": { "a": { "b": [1, [-2, true]], "c": [], "d": [{ "e": "x" }] } } }),
            "agent null\na.b.0 1\na.b.1.0 -2\na.b.1.1 true\na.c\na.d.0.e x\n",
        );
        check(json!({ "records": {}, "z": 1 }), "z 1\n");
    }

    #[test]
    fn a_number_is_the_shortest_of_its_type() {
        check([4.65_f32, 1e-30, 1e20], "0 4.65\n1 1e-30\n2 1e+20\n");
        check([0.1_f64 + 0.2], "0 0.30000000000000004\n");
        check([f32::NAN], "0 null\n");
    }

    #[test]
    fn no_string_breaks_a_line() {
        check(
            json!({ "a\n\"b\u{1b}": "c\r\u{7f}\u{202e}\\" }),
            "a\\n\\\"b\\u001b c\\r\\u{7f}\\u{202e}\\\\\n",
        );
    }
}
