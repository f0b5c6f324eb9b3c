//! Reading the XML answers of AWS, strictly and without building a tree.
//!
//! An answer is trusted by where its elements stand, so everything that could make two readers see
//! two documents is refused: text before or after the root element, document type definitions,
//! unknown entities, encodings other than UTF-8. Namespaces are not compared: AWS's differ by
//! service and stand-ins leave them out.

use quick_xml::Reader;
use quick_xml::events::Event;
use thiserror::Error;

/// Deepest nesting that is followed. The deepest element of interest, a tag of an instance, is at
/// depth 8.
const MAX_DEPTH: usize = 32;

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
    let mut reader = Reader::from_str(document);
    reader.config_mut().expand_empty_elements = true;
    let mut levels: Vec<Level> = Vec::new();
    let mut started = false;
    let mut finished = false;
    loop {
        let event = reader.read_event().map_err(|_| XmlError)?;
        match event {
            Event::Start(element) => {
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
            Event::Text(text) => match levels.last_mut() {
                Some(level) => level.text.push_str(&text.xml10_content()),
                None if text.chars().all(|c| c.is_ascii_whitespace()) => {}
                None => return Err(XmlError),
            },
            Event::CData(text) => levels.last_mut().ok_or(XmlError)?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref().map_err(|_| XmlError)? {
                    Some(c) => c,
                    None => predefined_entity(&reference).ok_or(XmlError)?,
                };
                levels.last_mut().ok_or(XmlError)?.text.push(c);
            }
            Event::Decl(declaration) => {
                let utf8 = match declaration.encoding() {
                    None => true,
                    Some(Ok(name)) => name.eq_ignore_ascii_case("utf-8"),
                    Some(Err(_)) => false,
                };
                if started || !utf8 {
                    return Err(XmlError);
                }
            }
            Event::Comment(_) if !finished => {}
            Event::Eof if finished => return Ok(()),
            // An empty element cannot come, it is expanded.
            Event::Comment(_) | Event::PI(_) | Event::DocType(_) | Event::Empty(_) | Event::Eof => {
                return Err(XmlError);
            }
        }
    }
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
        let document = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Root xmlns=\"x\"><!-- c --><a><p:b>1 &amp;<![CDATA[<2>]]>&#51;</p:b></a><c/></Root>\n ";
        let found = texts(document).unwrap();
        let expected = [("a/b", "1 &<2>3"), ("a", ""), ("c", "")];
        assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn everything_ambiguous_is_refused() {
        let deep = format!("<Root>{}{}</Root>", "<a>".repeat(40), "</a>".repeat(40));
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
            "\u{feff}<Other/>",
            deep.as_str(),
        ] {
            assert!(texts(document).is_err(), "{document}");
        }
    }
}
