//! The tree of a kernel. Its nodes hold the text they print as, with `$0`, `$1`… where their
//! operands go.

use super::types::Type;

/// An expression without side effects.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number, in every element of a vector.
    Constant(Type, i64),
    /// Everything else. The text is one that other expressions can hold without parentheses.
    Operation {
        /// Type of the value.
        kind: Type,
        /// What it prints as.
        text: String,
        /// What it is made of.
        operands: Vec<Expression>,
    },
}

impl Expression {
    /// An operation.
    pub fn new(kind: Type, text: impl Into<String>, operands: Vec<Self>) -> Self {
        Self::Operation {
            kind,
            text: text.into(),
            operands,
        }
    }

    /// Type of the value.
    pub fn kind(&self) -> Type {
        match self {
            Self::Constant(kind, _) | Self::Operation { kind, .. } => *kind,
        }
    }

    /// What it is made of.
    pub fn operands(&self) -> &[Self] {
        match self {
            Self::Constant(..) => &[],
            Self::Operation { operands, .. } => operands,
        }
    }
}

/// What is run for one value of a `switch`.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// What is run.
    pub body: Vec<Statement>,
    /// Whether the next branch is run afterwards.
    pub falls_through: bool,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// One that holds no others.
    Plain {
        /// What it prints as.
        text: String,
        /// The expressions in it.
        operands: Vec<Expression>,
    },
    /// A condition.
    If {
        /// An `int`.
        condition: Expression,
        /// What is run if it is not zero.
        then: Vec<Statement>,
        /// What is run otherwise.
        otherwise: Vec<Statement>,
    },
    /// A loop that counts.
    For {
        /// Name of the counter.
        counter: String,
        /// Number of turns, a small `uint`, evaluated at every turn.
        turns: Expression,
        /// What is run.
        body: Vec<Statement>,
    },
    /// A loop with a condition, and a counter that ends it in any case.
    While {
        /// Name of the counter.
        counter: String,
        /// The most turns it makes.
        turns: usize,
        /// An `int`.
        condition: Expression,
        /// Whether the condition stands at the end (`do`).
        at_the_end: bool,
        /// What is run.
        body: Vec<Statement>,
    },
    /// A `switch` over the low bits of a value.
    Switch {
        /// A `uint`.
        value: Expression,
        /// What is run for 0, 1…; the last one is the default.
        branches: Vec<Branch>,
    },
    /// Every work-item of the group stores an element, and all of them can be read in the body.
    /// A barrier comes before, in between and after, so it stands in uniform control flow only.
    Shared {
        /// Name of the array.
        array: String,
        /// What a work-item stores.
        value: Expression,
        /// What reads the array.
        body: Vec<Statement>,
    },
}

impl Statement {
    /// A statement that holds no others.
    pub fn plain(text: impl Into<String>, operands: Vec<Expression>) -> Self {
        Self::Plain {
            text: text.into(),
            operands,
        }
    }

    /// The blocks of statements in it.
    pub fn blocks(&mut self) -> Vec<&mut Vec<Self>> {
        match self {
            Self::Plain { .. } => Vec::new(),
            Self::If {
                then, otherwise, ..
            } => vec![then, otherwise],
            Self::For { body, .. } | Self::While { body, .. } | Self::Shared { body, .. } => {
                vec![body]
            }
            Self::Switch { branches, .. } => {
                branches.iter_mut().map(|branch| &mut branch.body).collect()
            }
        }
    }

    /// The expressions that stand in it, not those in its blocks.
    pub fn expressions(&mut self) -> &mut [Expression] {
        match self {
            Self::Plain { operands, .. } => operands,
            Self::If { condition, .. } | Self::While { condition, .. } => {
                std::slice::from_mut(condition)
            }
            Self::For { turns: value, .. }
            | Self::Switch { value, .. }
            | Self::Shared { value, .. } => std::slice::from_mut(value),
        }
    }
}

/// Something that has a name, and is declared only where the name is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// What declares it and gives it its first value.
    pub text: String,
    /// The expressions in that.
    pub operands: Vec<Expression>,
}

/// How many elements an argument has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One, passed by value.
    Value,
    /// So many.
    Fixed(usize),
    /// One per work-item.
    WorkItems,
    /// So many per work-item.
    PerItem(usize),
    /// So many per work-group.
    PerGroup(usize),
}

/// An argument of the kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Type of an element.
    pub kind: Type,
    /// How many elements.
    pub count: Count,
    /// Whether the kernel writes to it.
    pub written: bool,
}

/// A function or the kernel: what it declares, and what it runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Everything before the opening brace; empty for the kernel, whose arguments tell.
    pub head: String,
    /// Variables, each one visible to the later ones.
    pub variables: Vec<Declaration>,
    /// What it runs.
    pub body: Vec<Statement>,
}

/// A kernel, what it is launched with, and what is in its buffers.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The seed it was made from.
    pub seed: u64,
    /// Whether it needs OpenCL C 3.0; else it is built without naming a standard.
    pub needs_3_0: bool,
    /// Whether its result depends on the work-group size.
    pub depends_on_groups: bool,
    /// Types, printed where their names are used.
    pub types: Vec<Declaration>,
    /// Functions that it calls; later ones may call earlier ones.
    pub helpers: Vec<Function>,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// The kernel itself.
    pub kernel: Function,
    /// Work-items of a work-group in every dimension.
    pub local: Vec<usize>,
    /// Work-groups in every dimension.
    pub groups: Vec<usize>,
}

impl Case {
    /// Work-items in every dimension.
    pub fn global(&self) -> Vec<usize> {
        let pairs = self.local.iter().zip(&self.groups);
        pairs.map(|(local, groups)| local * groups).collect()
    }

    /// Every function of the case, the kernel last.
    pub fn functions(&mut self) -> impl Iterator<Item = &mut Function> {
        self.helpers
            .iter_mut()
            .chain(std::iter::once(&mut self.kernel))
    }
}
