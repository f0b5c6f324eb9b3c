//! The documents AWS answers with, as a tree: faults can reshape it before it becomes XML or JSON.

use serde_json::{Map, Value};

/// One element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Local name.
    pub name: String,
    /// What stands between its tags.
    pub content: Content,
}

/// What stands between the tags of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Text, not escaped.
    Text(String),
    /// Elements.
    Elements(Vec<Element>),
}

/// An element with text.
pub(super) fn text(name: &str, value: impl Into<String>) -> Element {
    Element { name: name.to_owned(), content: Content::Text(value.into()) }
}

/// An element with elements.
pub(super) fn node(name: &str, elements: impl IntoIterator<Item = Element>) -> Element {
    Element { name: name.to_owned(), content: Content::Elements(elements.into_iter().collect()) }
}

/// An element with text, if there is a text.
pub(super) fn optional(name: &str, value: Option<&String>) -> Option<Element> {
    value.map(|value| text(name, value))
}

impl Element {
    /// The elements inside; none for text.
    pub(super) fn elements(&self) -> &[Element] {
        match &self.content {
            Content::Text(_) => &[],
            Content::Elements(elements) => elements,
        }
    }

    /// Visits the list of elements of every element below this one, deepest last.
    pub(super) fn each_list(&mut self, change: &mut dyn FnMut(&mut Vec<Element>)) {
        if let Content::Elements(elements) = &mut self.content {
            change(elements);
            for element in elements {
                element.each_list(change);
            }
        }
    }

    /// Sets the text of every element of that name below this one.
    pub(super) fn set_text(&mut self, name: &str, value: &str) {
        self.each_list(&mut |elements| {
            for element in elements.iter_mut().filter(|element| element.name == name) {
                element.content = Content::Text(value.to_owned());
            }
        });
    }

    /// XML in one line, or indented by two spaces as the older services send it.
    pub(super) fn to_xml(&self, namespace: Option<&str>, indented: bool) -> String {
        let attribute = namespace.map(|uri| format!(" xmlns=\"{uri}\"")).unwrap_or_default();
        let mut xml = String::new();
        self.write_xml(&mut xml, &attribute, indented.then_some(0));
        xml
    }

    fn write_xml(&self, xml: &mut String, attributes: &str, depth: Option<usize>) {
        let indent = "  ".repeat(depth.unwrap_or(0));
        let line_end = if depth.is_some() { "\n" } else { "" };
        let name = &self.name;
        match &self.content {
            Content::Text(text) if text.is_empty() => {
                xml.push_str(&format!("{indent}<{name}{attributes}/>{line_end}"));
            }
            Content::Text(text) => {
                xml.push_str(&format!("{indent}<{name}{attributes}>{}</{name}>{line_end}", escape(text)));
            }
            Content::Elements(elements) if elements.is_empty() => {
                xml.push_str(&format!("{indent}<{name}{attributes}/>{line_end}"));
            }
            Content::Elements(elements) => {
                xml.push_str(&format!("{indent}<{name}{attributes}>{line_end}"));
                for element in elements {
                    element.write_xml(xml, "", depth.map(|depth| depth + 1));
                }
                xml.push_str(&format!("{indent}</{name}>{line_end}"));
            }
        }
    }

    /// JSON as STS sends it on demand: names to objects or texts, the root's name included unless it
    /// is left out, as in errors.
    pub(super) fn to_json(&self, with_root: bool) -> Value {
        let inner = self.json_content();
        if with_root { Value::Object(Map::from_iter([(self.name.clone(), inner)])) } else { inner }
    }

    fn json_content(&self) -> Value {
        match &self.content {
            Content::Text(text) => Value::String(text.clone()),
            Content::Elements(elements)
                if !elements.is_empty() && elements.iter().all(|element| element.name == "member") =>
            {
                elements.iter().map(Self::json_content).collect()
            }
            Content::Elements(elements) => {
                elements.iter().map(|element| (element.name.clone(), element.json_content())).collect()
            }
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
