//! A second reader of XML. Where both readers take a document for XML, they must see the same.

use roxmltree::{Document, Error, Node};

/// The document as the second reader sees it; `None` if it objects to a namespace, which the first
/// reader does not look at.
///
/// # Panics
/// When the second reader takes it for no XML.
pub(crate) fn read(document: &str) -> Option<Document<'_>> {
    match Document::parse(document) {
        Ok(document) => Some(document),
        Err(
            Error::UnknownNamespace(..)
            | Error::DuplicatedNamespace(..)
            | Error::InvalidXmlPrefixUri(_)
            | Error::UnexpectedXmlUri(_)
            | Error::UnexpectedXmlnsUri(_)
            | Error::InvalidElementNamePrefix(_),
        ) => None,
        Err(error) => panic!("the second reader refuses it: {error}"),
    }
}

/// The children of this local name, whatever their namespace.
fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The only child of this local name; `None` when there is none.
///
/// # Panics
/// When there are several.
pub(crate) fn only<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> Option<Node<'a, 'input>> {
    let mut found = children(node, name);
    let first = found.next();
    assert!(found.next().is_none(), "{name} stands twice in {}", node.tag_name().name());
    first
}

/// The elements at the end of a path of local names.
pub(crate) fn elements<'a, 'input>(node: Node<'a, 'input>, path: &[&'static str]) -> Vec<Node<'a, 'input>> {
    let below = |nodes: Vec<Node<'a, 'input>>, name: &&'static str| {
        nodes.into_iter().flat_map(|node| children(node, name)).collect()
    };
    path.iter().fold(vec![node], below)
}

/// The texts of the elements at the end of a path.
pub(crate) fn texts(node: Node<'_, '_>, path: &[&'static str]) -> Vec<String> {
    elements(node, path).into_iter().map(text).collect()
}

/// The text directly in an element.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

/// Text as it stands in a document.
pub(crate) fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            // A bare one would be read as a line feed.
            '\r' => "&#13;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
