//! What a template is made of.

/// A part of a template or of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Text as it stands, or in quotation marks: bytes, because `\xff` is one.
    Text(Vec<u8>),
    /// An expression: what each node finds is searched by the next.
    List(Vec<Node>),
    /// `.name`
    Field(String),
    /// `[1]`, `[1:2]`
    Slice(Slice),
    /// `[?(@.name=="a")]`
    Filter(Box<Filter>),
    /// `[0,1]`: expressions side by side.
    Union(Vec<Vec<Node>>),
    /// `.*`
    Wildcard,
    /// `..`
    Descent,
    /// An integer.
    Int(i64),
    /// A number with a point.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `range`, `end`, or a word that there is not.
    Word(String),
}

/// Which items of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slice {
    /// The first; from the end, if negative.
    pub from: Option<i64>,
    /// That behind the last; from the end, if negative.
    pub to: Option<i64>,
    /// Whether `to` is not said, but the item behind `from`.
    pub is_index: bool,
    /// Each how manieth.
    pub step: Option<i64>,
}

/// Which items of a list, by what they hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// What is looked for in each.
    pub left: Vec<Node>,
    /// How it is to be.
    pub operator: Operator,
    /// What it is compared with.
    pub right: Vec<Node>,
}

/// How a filter compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// The left side finds something; there is no right one.
    Exists,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// None that there is. It is an error only once it has something to compare.
    Unknown(String),
}

impl Operator {
    /// The operator that is written so.
    pub fn parse(text: &str) -> Self {
        match text {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            ">=" => Self::AtLeast,
            _ => Self::Unknown(text.to_owned()),
        }
    }
}
