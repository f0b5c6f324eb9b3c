//! Reading the XML answers of AWS, strictly and without building a tree.
//!
//! An answer is trusted by where its elements stand, so everything that could make two readers see
//! two documents is refused: text before or after the root element, document type definitions,
//! unknown entities, encodings other than UTF-8, and whatever is not well-formed XML 1.0. The reader
//! underneath lets much of that pass, so it is checked here. Namespaces are not compared: AWS's differ
//! by service and stand-ins leave them out.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use thiserror::Error;

/// Deepest nesting that is followed. The deepest element of interest, a tag of an instance, is at
/// depth 8.
const MAX_DEPTH: usize = 32;

/// Most attributes of one element. AWS writes one, the namespace of the root.
const MAX_ATTRIBUTES: usize = 16;

/// The answer is not the XML it should be.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a well-formed answer")]
pub struct XmlError;

/// What the reader meets.
pub enum Node<'a> {
    /// An element begins.
    Open,
    /// An element ends; this is the text directly in it, untrimmed.
    Close(&'a str),
}

struct Level {
    name: String,
    text: String,
}

/// Walks over a document whose root element has one of the given local names. The visitor is called
/// with the path of local names below the root, root itself excluded, for each element.
///
/// # Errors
/// When the document is not acceptable, or the visitor says so.
pub fn walk(
    document: &str,
    root: &str,
    mut visit: impl FnMut(&[&str], Node<'_>) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    if !document.chars().all(is_character) {
        return Err(XmlError);
    }
    let content = without_declaration(document)?;
    if content.starts_with('\u{feff}') {
        // The reader underneath would skip it.
        return Err(XmlError);
    }
    let mut reader = Reader::from_str(content);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut levels: Vec<Level> = Vec::new();
    let mut started = false;
    let mut finished = false;
    loop {
        let event = reader.read_event().map_err(|_| XmlError)?;
        match event {
            Event::Start(element) => {
                check_tag(&element)?;
                let name = String::from(element.local_name().as_ref());
                if levels.is_empty() {
                    if started || name != root {
                        return Err(XmlError);
                    }
                    started = true;
                } else if levels.len() >= MAX_DEPTH {
                    return Err(XmlError);
                }
                levels.push(Level { name, text: String::new() });
                visit_below_root(&levels, Node::Open, &mut visit)?;
            }
            Event::End(_) => {
                let text = levels.last_mut().map(|level| std::mem::take(&mut level.text)).ok_or(XmlError)?;
                visit_below_root(&levels, Node::Close(&text), &mut visit)?;
                levels.pop();
                finished = levels.is_empty();
            }
            Event::Text(text) if text.contains("]]>") => return Err(XmlError),
            Event::Text(text) => match levels.last_mut() {
                Some(level) => level.text.push_str(&text.xml10_content()),
                None if text.chars().all(|c| c.is_ascii_whitespace()) => {}
                None => return Err(XmlError),
            },
            Event::CData(text) => levels.last_mut().ok_or(XmlError)?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref().map_err(|_| XmlError)? {
                    Some(c) => Some(c).filter(|c| is_character(*c)).ok_or(XmlError)?,
                    None => predefined_entity(&reference).ok_or(XmlError)?,
                };
                levels.last_mut().ok_or(XmlError)?.text.push(c);
            }
            Event::Comment(_) if !finished => {}
            Event::Eof if finished => return Ok(()),
            // An empty element cannot come, it is expanded.
            Event::Comment(_)
            | Event::PI(_)
            | Event::Decl(_)
            | Event::DocType(_)
            | Event::Empty(_)
            | Event::Eof => return Err(XmlError),
        }
    }
}

/// What follows the XML declaration, which stands at the very beginning or not at all.
fn without_declaration(document: &str) -> Result<&str, XmlError> {
    let Some(declared) = document.strip_prefix("<?xml") else {
        return Ok(document);
    };
    let (declaration, rest) = declared.split_once("?>").ok_or(XmlError)?;
    let is_utf8 = |encoding: &str| encoding.eq_ignore_ascii_case("utf-8");
    match attributes(declaration).ok_or(XmlError)?.as_slice() {
        [("version", "1.0")] | [("version", "1.0"), ("standalone", "yes" | "no")] => Ok(rest),
        [("version", "1.0"), ("encoding", encoding)]
        | [("version", "1.0"), ("encoding", encoding), ("standalone", "yes" | "no")]
            if is_utf8(encoding) =>
        {
            Ok(rest)
        }
        _ => Err(XmlError),
    }
}

fn check_tag(element: &BytesStart<'_>) -> Result<(), XmlError> {
    let well_formed = is_name(element.name().as_ref()) && attributes(element.attributes_raw()).is_some();
    if well_formed { Ok(()) } else { Err(XmlError) }
}

/// Names and values of attributes, each after white space; `None` if the text holds anything else.
/// References in values are not resolved but refused: no attribute that AWS writes has one.
fn attributes(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    let mut rest = text;
    while !rest.trim_start_matches(is_space).is_empty() {
        let (name, after) = rest.strip_prefix(is_space)?.split_once('=')?;
        let name = name.trim_matches(is_space);
        let after = after.trim_start_matches(is_space);
        let (value, after) = match after.strip_prefix('"') {
            Some(after) => after.split_once('"')?,
            None => after.strip_prefix('\'')?.split_once('\'')?,
        };
        let again = found.iter().any(|(other, _)| *other == name);
        if again || !is_name(name) || value.contains(['<', '&']) || found.len() >= MAX_ATTRIBUTES {
            return None;
        }
        found.push((name, value));
        rest = after;
    }
    Some(found)
}

/// A character of XML 1.0.
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Whether a text is a name as AWS writes them, with or without a prefix.
fn is_name(text: &str) -> bool {
    let (prefix, local) = text.split_once(':').unwrap_or(("_", text));
    [prefix, local].iter().all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    })
}

fn visit_below_root(
    levels: &[Level],
    node: Node<'_>,
    visit: &mut impl FnMut(&[&str], Node<'_>) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    let mut path = [""; MAX_DEPTH];
    let mut depth: usize = 0;
    for (slot, level) in path.iter_mut().zip(levels.iter().skip(1)) {
        *slot = &level.name;
        depth = depth.saturating_add(1);
    }
    match path.get(..depth) {
        Some([]) | None => Ok(()),
        Some(path) => visit(path, node),
    }
}

fn predefined_entity(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// The text of an element that must stand exactly once.
#[derive(Debug, Default)]
pub struct Once(Option<String>);

impl Once {
    /// Takes the text; a second one is an error.
    ///
    /// # Errors
    /// When there was one already.
    pub fn set(&mut self, text: &str) -> Result<(), XmlError> {
        if self.0.is_some() {
            return Err(XmlError);
        }
        self.0 = Some(text.to_owned());
        Ok(())
    }

    /// The text so far, if the element was there.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The text, if the element was there.
    #[must_use]
    pub fn into_option(self) -> Option<String> {
        self.0
    }

    /// The text; missing or empty is an error.
    ///
    /// # Errors
    /// When there is none.
    pub fn required(self) -> Result<String, XmlError> {
        self.0.filter(|text| !text.is_empty()).ok_or(XmlError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(document: &str) -> Result<Vec<(String, String)>, XmlError> {
        let mut found = Vec::new();
        walk(document, "Root", |path, node| {
            if let Node::Close(text) = node {
                found.push((path.join("/"), text.to_owned()));
            }
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn elements_are_found_by_path() {
        let document = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Root xmlns=\"x\" xmlns:p = 'y' ><!-- c --><a><p:b>1 &amp;<![CDATA[<2>]]>&#51;</p:b></a><c/></Root>\n ";
        let found = texts(document).unwrap();
        let expected = [("a/b", "1 &<2>3"), ("a", ""), ("c", "")];
        assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn everything_ambiguous_is_refused() {
        let deep = format!("<Root>{}{}</Root>", "<a>".repeat(40), "</a>".repeat(40));
        let attributes: Vec<String> = (0..17).map(|number| format!("a{number}=\"\"")).collect();
        let many_attributes = format!("<Root {}/>", attributes.join(" "));
        for document in [
            "",
            "text",
            "<Other/>",
            "<Root>",
            "<Root></root>",
            "<Root/><Root/>",
            "<Root/>x",
            "<Root/><!-- c -->",
            "<Root/><?pi?>",
            "<?xml version=\"1.0\"?>x<Root/>",
            "<?xml version=\"1.0\" encoding=\"latin1\"?><Root/>",
            "<!DOCTYPE Root [<!ENTITY e \"x\">]><Root>&e;</Root>",
            "<Root>&unknown;</Root>",
            "<Root>&#0;</Root>",
            "<Root>&#1;</Root>",
            "<Root>\u{0}</Root>",
            "<Root>\u{ffff}</Root>",
            "<Root>]]></Root>",
            "<Root>&</Root>",
            "<Root><!-- a -- b --></Root>",
            "<Root a></Root>",
            "<Root a=b></Root>",
            "<Root a=\"b\"c=\"d\"></Root>",
            "<Root a=\"b\" a=\"c\"></Root>",
            "<Root a=\"<a>\"></Root>",
            "<Root a=\"&lt;\"></Root>",
            "<Root><1/></Root>",
            "<Root><a:b:c/></Root>",
            "<Root><\u{e9}/></Root>",
            "<Root 1=\"b\"/>",
            "<?xml?><Root/>",
            "<?xml version=\"1.1\"?><Root/>",
            "<?xml encoding=\"UTF-8\" version=\"1.0\"?><Root/>",
            "<?xml version=\"1.0\" standalone=\"maybe\"?><Root/>",
            "<?xml version=\"1.0\"?><?xml version=\"1.0\"?><Root/>",
            "\n<?xml version=\"1.0\"?><Root/>",
            "<?xml-stylesheet href=\"x\"?><Root/>",
            "\u{feff}<Root/>",
            "<?xml version=\"1.0\"?>\u{feff}<Root/>",
            deep.as_str(),
            many_attributes.as_str(),
        ] {
            assert!(texts(document).is_err(), "{document}");
        }
    }
}
