//! Master files (RFC 1035 5): text to [`Zone`], with the place of every mistake.
//!
//! hickory's parser reports no lines, so the file is cut into entries here and hickory reads one entry at a
//! time, with the origin, TTL and owner that hold at that point. This layer also joins parenthesised lines
//! and drops comments, because hickory reads neither quotes inside parentheses nor a comment at the very end
//! the way other servers do. `$INCLUDE` is refused: a zone is exactly the text that was handed over.

use std::fmt;

use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_proto::serialize::txt::{ParseError, Parser, parse_ttl};

use super::Zone;
use blackstart_rt::Map;

/// Largest master file accepted, in octets.
pub const ZONE_LEN_MAX: usize = 1 << 20;
/// Largest TTL (RFC 2181 8).
const TTL_MAX: u32 = i32::MAX as u32;
/// The types that a zone may hold: those whose handling here is tested.
const KINDS: [RecordType; 10] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CAA,
    RecordType::CNAME,
    RecordType::MX,
    RecordType::NS,
    RecordType::PTR,
    RecordType::SOA,
    RecordType::SRV,
    RecordType::TXT,
];

/// Where a master file is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Error {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, in words.
    pub message: String,
}

/// A word of the file, quotes included, and where it stands.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
    column: usize,
}

impl Token {
    fn error(&self, message: impl fmt::Display) -> Error {
        Error { line: self.line, column: self.column, message: message.to_string() }
    }
}

/// A directive or a record: one line, or several within parentheses. Never empty.
#[derive(Debug)]
struct Entry {
    /// The line begins with white space: the owner is that of the entry before.
    owner_omitted: bool,
    tokens: Vec<Token>,
}

/// Reads a whole zone.
pub(super) fn zone(text: &str, origin: &Name) -> Result<Zone, Error> {
    let start = Token { text: String::new(), line: 1, column: 1 };
    if text.len() > ZONE_LEN_MAX {
        return Err(
            start.error(format!("a zone file may have {ZONE_LEN_MAX} octets, this one has {}", text.len()))
        );
    }
    let mut reader = Reader::new(origin);
    for entry in Lexer::new(text).entries()? {
        reader.entry(&entry)?;
    }
    reader.finish(&start)
}

/// What holds while reading: RFC 1035 5.1's current origin and owner, RFC 2308 4's default TTL.
struct Reader {
    zone: Zone,
    origin: Name,
    owner: Option<Name>,
    ttl_default: Option<u32>,
    ttl_last: Option<u32>,
    /// Where each owner and type was first given, for checks that need the whole zone.
    places: Map<(Name, RecordType), Token>,
}

impl Reader {
    fn new(origin: &Name) -> Reader {
        let mut origin = origin.clone();
        origin.set_fqdn(true);
        Reader {
            zone: Zone { origin: origin.clone(), nodes: Map::new() },
            origin,
            owner: None,
            ttl_default: None,
            ttl_last: None,
            places: Map::new(),
        }
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(first) = entry.tokens.first() else { return Ok(()) };
        match first.text.as_str() {
            "$TTL" => self.ttl(first, &entry.tokens),
            "$ORIGIN" => self.origin(first, &entry.tokens),
            "$INCLUDE" => Err(first.error("$INCLUDE is not supported: put the records into this file")),
            word if word.starts_with('$') => {
                Err(first.error(format!("unknown directive {word}; $TTL and $ORIGIN are known")))
            }
            _ => self.record(first, entry),
        }
    }

    fn ttl(&mut self, directive: &Token, tokens: &[Token]) -> Result<(), Error> {
        let [_, value] = tokens else { return Err(directive.error("$TTL takes one value")) };
        let ttl = parse_ttl(&value.text).map_err(|e| value.error(e))?;
        self.ttl_default = Some(ttl);
        Ok(())
    }

    fn origin(&mut self, directive: &Token, tokens: &[Token]) -> Result<(), Error> {
        let [_, value] = tokens else { return Err(directive.error("$ORIGIN takes one name")) };
        let mut origin = Name::parse(&value.text, Some(&self.origin)).map_err(|e| value.error(e))?;
        origin.set_fqdn(true);
        self.origin = origin;
        Ok(())
    }

    fn record(&mut self, first: &Token, entry: &Entry) -> Result<(), Error> {
        let record = self.parse_record(first, entry)?;
        self.owner = Some(record.name.clone());
        self.ttl_last = Some(record.ttl);
        self.check_record(first, &record)?;
        self.places.entry((record.name.clone(), record.record_type())).or_insert_with(|| first.clone());
        self.zone.insert(record);
        Ok(())
    }

    /// Lets hickory read one entry under a header that restores what holds here.
    fn parse_record(&self, first: &Token, entry: &Entry) -> Result<Record, Error> {
        let mut text = String::new();
        if let Some(ttl) = self.ttl_default.or(self.ttl_last) {
            text.push_str(&format!("$TTL {ttl}\n"));
        }
        if entry.owner_omitted {
            let owner =
                self.owner.as_ref().ok_or_else(|| first.error("the first record must name its owner"))?;
            text.push_str(&format!("{} ", owner.to_ascii()));
        }
        for token in &entry.tokens {
            text.push_str(&token.text);
            text.push(' ');
        }
        text.push('\n');
        let parsed = Parser::new(text, None, Some(self.origin.clone())).parse();
        let (_, mut sets) =
            parsed.map_err(|error| culprit(entry, &error).unwrap_or(first).error(in_words(&error)))?;
        let set = sets.pop_first().map(|(_, set)| set);
        set.and_then(|set| set.records_without_rrsigs().next().cloned())
            .ok_or_else(|| first.error("expected a record: owner, TTL, class, type, data"))
    }

    fn check_record(&self, at: &Token, record: &Record) -> Result<(), Error> {
        let (name, kind) = (&record.name, record.record_type());
        if record.dns_class != DNSClass::IN {
            return Err(at.error(format!("class {} is not supported, only IN", record.dns_class)));
        }
        if !KINDS.contains(&kind) {
            return Err(at.error(format!("type {kind} is not supported here")));
        }
        if !self.zone.origin.zone_of(name) {
            return Err(at.error(format!("{name} is outside the zone {}", self.zone.origin)));
        }
        if name.iter().next() == Some(b"*") {
            return Err(at.error(format!("{name}: wildcards are not supported")));
        }
        if record.ttl > TTL_MAX {
            return Err(at.error(format!("TTL {} is above {TTL_MAX}", record.ttl)));
        }
        if kind == RecordType::SOA && name != &self.zone.origin {
            return Err(at.error(format!("the SOA must be at {}, not at {name}", self.zone.origin)));
        }
        self.check_beside(at, record)
    }

    /// What may not stand beside what is already there (RFC 1034 3.6.2, RFC 2181 5.2 and 10.1).
    fn check_beside(&self, at: &Token, record: &Record) -> Result<(), Error> {
        let (name, kind) = (&record.name, record.record_type());
        let Some(node) = self.zone.nodes.get(name) else { return Ok(()) };
        let alias = node.contains_key(&RecordType::CNAME) || kind == RecordType::CNAME;
        if alias && !node.is_empty() {
            return Err(at.error(format!("{name} has a CNAME and other records")));
        }
        let Some(known) = node.get(&kind).and_then(|records| records.first()) else { return Ok(()) };
        if kind == RecordType::SOA {
            return Err(at.error("a second SOA"));
        }
        if known.ttl != record.ttl {
            return Err(at.error(format!("{name} {kind} has TTLs {} and {}", known.ttl, record.ttl)));
        }
        Ok(())
    }

    fn finish(self, start: &Token) -> Result<Zone, Error> {
        let origin = &self.zone.origin;
        for kind in [RecordType::SOA, RecordType::NS] {
            if self.zone.rrset(origin, kind).is_empty() {
                return Err(start.error(format!("the zone {origin} has no {kind} record")));
            }
        }
        for ((name, kind), at) in &self.places {
            if *kind == RecordType::NS {
                self.check_servers(at, name)?;
            }
        }
        Ok(self.zone)
    }

    /// A name server inside the zone needs an address inside the zone: without it nobody can reach it.
    fn check_servers(&self, at: &Token, name: &Name) -> Result<(), Error> {
        for record in self.zone.rrset(name, RecordType::NS) {
            let RData::NS(server) = &record.data else { continue };
            if self.zone.origin.zone_of(server) && self.needs_address(name, server) {
                return Err(
                    at.error(format!("name server {} has no A or AAAA record in this zone", server.0))
                );
            }
        }
        Ok(())
    }

    /// A server below some other cut may have its glue over there; all others must have it here.
    fn needs_address(&self, owner: &Name, server: &Name) -> bool {
        let here = owner.zone_of(server) || self.zone.cut_above(server).is_none();
        here && self.zone.addresses(server).next().is_none()
    }
}

/// hickory's errors without its layers' prefixes.
fn in_words(error: &ParseError) -> String {
    match error {
        ParseError::AddrParse(_) => "not an IP address".to_string(),
        ParseError::ParseInt(_) | ParseError::ParseTime(_) => format!("expected a number ({error})"),
        ParseError::Proto(inner) => inner.to_string(),
        other => other.to_string(),
    }
}

/// The token that an error most likely means.
fn culprit<'e>(entry: &'e Entry, error: &ParseError) -> Option<&'e Token> {
    let quoted = error.to_string().to_ascii_lowercase();
    match error {
        ParseError::AddrParse(_) | ParseError::MissingToken(_) => entry.tokens.last(),
        ParseError::ParseInt(_) => {
            entry.tokens.iter().skip(2).find(|t| t.text.parse::<u32>().is_err() && !is_word(t))
        }
        _ => entry.tokens.iter().rev().find(|t| mentions(&quoted, &t.text)),
    }
}

/// A token that stands where a number cannot: a class, a type or a name.
fn is_word(token: &Token) -> bool {
    let upper = token.text.to_ascii_uppercase();
    upper == "IN" || token.text.contains('.') || upper.parse::<RecordType>().is_ok()
}

fn mentions(message: &str, word: &str) -> bool {
    let word = word.trim_matches('"').to_ascii_lowercase();
    word.len() > 1 && message.contains(&word)
}

/// Cuts a file into entries.
struct Lexer<'t> {
    chars: std::iter::Peekable<std::str::Chars<'t>>,
    line: usize,
    column: usize,
    /// Where each open parenthesis stands.
    open: Vec<Token>,
    owner_omitted: bool,
    tokens: Vec<Token>,
    entries: Vec<Entry>,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str) -> Lexer<'t> {
        Lexer {
            chars: text.chars().peekable(),
            line: 1,
            column: 1,
            open: Vec::new(),
            owner_omitted: false,
            tokens: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn entries(mut self) -> Result<Vec<Entry>, Error> {
        while let Some(&c) = self.chars.peek() {
            match c {
                '\n' => self.end_line(),
                ';' => self.skip_comment(),
                '(' => self.open_parenthesis(),
                ')' => self.close_parenthesis()?,
                '"' => self.quoted()?,
                c if c.is_whitespace() => self.blank(),
                _ => self.word()?,
            }
        }
        if let Some(open) = self.open.first() {
            return Err(open.error("this ( is never closed"));
        }
        self.end_entry();
        Ok(self.entries)
    }

    fn here(&self) -> Token {
        Token { text: String::new(), line: self.line, column: self.column }
    }

    fn take(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn end_line(&mut self) {
        self.take();
        if self.open.is_empty() {
            self.end_entry();
        }
    }

    fn end_entry(&mut self) {
        let tokens = std::mem::take(&mut self.tokens);
        if !tokens.is_empty() {
            self.entries.push(Entry { owner_omitted: self.owner_omitted, tokens });
        }
        self.owner_omitted = false;
    }

    fn skip_comment(&mut self) {
        while self.chars.peek().is_some_and(|&c| c != '\n') {
            self.take();
        }
    }

    fn blank(&mut self) {
        if self.column == 1 && self.open.is_empty() {
            self.owner_omitted = true;
        }
        self.take();
    }

    fn open_parenthesis(&mut self) {
        self.open.push(self.here());
        self.take();
    }

    fn close_parenthesis(&mut self) -> Result<(), Error> {
        let here = self.here();
        self.take();
        self.open.pop().map(drop).ok_or_else(|| here.error("this ) closes nothing"))
    }

    fn quoted(&mut self) -> Result<(), Error> {
        let mut token = self.here();
        token.text.extend(self.take());
        loop {
            match self.chars.peek() {
                None | Some('\n') => return Err(token.error("this quoted string is not closed on its line")),
                Some('\\') => self.escape(&mut token)?,
                Some('"') => break,
                Some(_) => token.text.extend(self.take()),
            }
        }
        token.text.extend(self.take());
        self.tokens.push(token);
        Ok(())
    }

    fn word(&mut self) -> Result<(), Error> {
        let mut token = self.here();
        while let Some(&c) = self.chars.peek() {
            match c {
                '\\' => self.escape(&mut token)?,
                ';' | '(' | ')' | '"' => break,
                c if c.is_whitespace() => break,
                c if c.is_control() => return Err(self.here().error(format!("unexpected character {c:?}"))),
                _ => token.text.extend(self.take()),
            }
        }
        self.tokens.push(token);
        Ok(())
    }

    /// hickory misreads `\DDD`, so it is refused rather than served wrong.
    fn escape(&mut self, token: &mut Token) -> Result<(), Error> {
        let here = self.here();
        token.text.extend(self.take());
        match self.chars.peek() {
            Some(c) if c.is_numeric() => Err(here.error("escapes by number (\\DDD) are not supported")),
            Some(c) if c.is_control() => Err(here.error("a \\ at the end of the line")),
            Some(_) => {
                token.text.extend(self.take());
                Ok(())
            }
            None => Err(here.error("a \\ at the end of the file")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::zone::Lookup;

    const HEAD: &str = "$TTL 300\n@ IN SOA a.ns hostmaster (\n  1 7200 ; refresh follows serial\n  900 1209600 60 )\n  NS a.ns\na.ns A 192.0.2.1\n";

    fn origin() -> Name {
        Name::from_ascii("example.test.").unwrap()
    }

    fn parse(text: &str) -> Result<Zone, Error> {
        Zone::parse(text, &origin())
    }

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    #[test]
    fn a_zone_with_the_usual_shapes_loads() {
        let text = format!(
            "{HEAD}www 60 IN CNAME star.c10r\n$ORIGIN c10r.example.test.\nstar IN 30 A 192.0.2.7\n     30 A 192.0.2.8\nplain A 192.0.2.9\n\
             @ TXT ( \"a (b; c\"\n \"d\" ) ; end\nmail.example.test. MX 10 a.ns.example.test.\n"
        );
        let zone = parse(&text).unwrap();
        let Lookup::Answer(records) = zone.lookup(&name("STAR.c10r.example.test."), RecordType::A) else {
            panic!("no answer")
        };
        assert_eq!(records.iter().map(|r| r.ttl).collect::<Vec<_>>(), [30, 30]);
        let Lookup::Answer(records) = zone.lookup(&name("plain.c10r.example.test."), RecordType::A) else {
            panic!("no answer")
        };
        assert_eq!(records[0].ttl, 300, "$TTL wins over the TTL last stated (RFC 2308 4)");
    }

    #[test]
    fn every_mistake_has_its_place() {
        let cases = [
            ("www A 192.0.2.256", 7, 7, "not an IP address"),
            ("www AA 192.0.2.5", 7, 5, "AA"),
            ("www A", 7, 5, "token is missing"),
            ("www MX ten a.ns", 7, 8, "number"),
            ("$INCLUDE other.zone", 7, 1, "$INCLUDE is not supported"),
            ("$GENERATE 1-2 a A 192.0.2.$", 7, 1, "unknown directive"),
            ("$TTL soon", 7, 6, "soon"),
            ("www.example.com. A 192.0.2.5", 7, 1, "outside the zone"),
            ("*.www A 192.0.2.5", 7, 1, "wildcards"),
            ("www CH TXT x", 7, 1, "class CH"),
            ("www HINFO x y", 7, 1, "type HINFO"),
            ("@ SOA a.ns h 1 2 3 4 5", 7, 1, "second SOA"),
            ("www SOA a.ns h 1 2 3 4 5", 7, 1, "must be at"),
            ("www A 192.0.2.5\nwww CNAME a.ns", 8, 1, "CNAME and other"),
            ("www CNAME a.ns\nwww TXT x", 8, 1, "CNAME and other"),
            ("www A 192.0.2.5\nwww 7 A 192.0.2.6", 8, 1, "TTLs 300 and 7"),
            ("www 4000000000 A 192.0.2.5", 7, 1, "above"),
            ("sub NS ns.sub", 7, 1, "no A or AAAA"),
            ("www TXT (\n \"x\"", 7, 9, "never closed"),
            ("www TXT x )", 7, 11, "closes nothing"),
            ("www TXT \"x", 7, 9, "not closed"),
            ("www TXT \"\\065\"", 7, 10, "by number"),
            ("w\u{7}w A 192.0.2.5", 7, 2, "unexpected character"),
        ];
        for (line, at_line, at_column, says) in cases {
            let error = parse(&format!("{HEAD}{line}\n")).expect_err(line);
            assert_eq!((error.line, error.column), (at_line, at_column), "{line}: {error}");
            assert!(error.message.contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn a_zone_needs_its_apex() {
        let cases = [
            ("", "no SOA"),
            ("@ 5 SOA a.ns h 1 2 3 4 5\n", "no NS"),
            (" A 192.0.2.1\n", "must name its owner"),
            ("@ A 192.0.2.1\n", "ttl"),
        ];
        for (text, says) in cases {
            let error = parse(text).expect_err(text);
            assert!(error.message.contains(says), "{text}: {error}");
        }
        let long = ";".repeat(ZONE_LEN_MAX + 1);
        assert!(parse(&long).unwrap_err().message.contains("octets"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn arbitrary_entries_never_panic(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("A"), Just("AAAA"), Just("NS"), Just("SOA"), Just("SRV"), Just("CAA"), Just("SVCB"),
                    Just("NAPTR"), Just("TLSA"), Just("CERT"), Just("DS"), Just("OPT"), Just("ANY"), Just("TYPE1"),
                    Just("IN"), Just("("), Just(")"), Just("\n"), Just("\""), Just("1"), Just("4294967296"), Just("@"),
                    Just("x."), Just("\\"), Just(";"), Just("$TTL"), Just("$ORIGIN"), Just("é"), Just(".."), Just("1w1w")
                ],
                0..14,
            )
        ) {
            let _ = parse(&format!("{HEAD}{}", words.join(" ")));
            let _ = parse(&words.join(" "));
        }
    }
}
