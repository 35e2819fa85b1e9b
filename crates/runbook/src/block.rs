//! The shapes of the TOML blocks, as serde sees them: what may be written, not yet what it means.
//!
//! Every value keeps its place. All verbs and their parameters sit in one flat [`ActionBlock`], because an
//! untagged enum would answer every mistake with "did not match any variant"; `convert` says which parameter
//! goes with which verb.

use std::fmt;

use blackstart_source::{Span, Spanned};
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

pub(crate) type Word = Spanned<String>;
pub(crate) type Words = Spanned<Vec<Word>>;

/// ```` ```toml runbook ````
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RunbookBlock {
    #[serde(default)]
    pub(crate) use_when: Vec<Spanned<ConditionBlock>>,
    #[serde(default)]
    pub(crate) restores: Vec<Word>,
    #[serde(default)]
    pub(crate) copies: Vec<Word>,
    #[serde(default)]
    pub(crate) assumes_up: Vec<Word>,
    #[serde(default)]
    pub(crate) escalate_to: Vec<Word>,
}

/// ```` ```toml step ````
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StepBlock {
    pub(crate) who: Option<Spanned<WhoBlock>>,
    pub(crate) with_previous: Option<Spanned<bool>>,
    pub(crate) after: Option<Spanned<WaitBlock>>,
    pub(crate) r#do: Spanned<ActionBlock>,
    pub(crate) tries: Option<Spanned<u32>>,
    pub(crate) pause: Option<Word>,
    pub(crate) until: Option<Spanned<WaitBlock>>,
    pub(crate) then: Option<Word>,
    pub(crate) undo: Option<Spanned<ActionBlock>>,
    #[serde(default)]
    pub(crate) needs: Vec<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WhoBlock {
    pub(crate) role: Option<Word>,
    pub(crate) approvers: Option<Words>,
    pub(crate) of: Option<Spanned<usize>>,
    pub(crate) deputies: Option<Spanned<bool>>,
    pub(crate) team: Option<Word>,
    pub(crate) skills: Option<Words>,
}

/// One line of `use-when`: a [`WaitBlock`] that nobody waits for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ConditionBlock {
    pub(crate) signal: Word,
    pub(crate) is: Option<Scalar>,
    pub(crate) at_least: Option<Spanned<Scalar>>,
    pub(crate) from: Option<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WaitBlock {
    pub(crate) signal: Word,
    pub(crate) is: Option<Scalar>,
    pub(crate) at_least: Option<Spanned<Scalar>>,
    pub(crate) from: Option<Word>,
    pub(crate) within: Word,
    pub(crate) r#else: Word,
}

/// Makes [`ActionBlock`]: each key once, with its field and the type of its value.
macro_rules! action_block {
    ($($key:literal $field:ident: $type:ty,)*) => {
        /// `do` and `undo`: all verbs, then all parameters.
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub(crate) struct ActionBlock {
            $(pub(crate) $field: Option<$type>,)*
        }

        impl ActionBlock {
            /// The keys that are written, each with the place of its value.
            pub(crate) fn present(&self) -> Vec<(&'static str, Span)> {
                let keys = [$(($key, place(&self.$field)),)*];
                keys.into_iter().filter_map(|(key, place)| Some((key, place?))).collect()
            }
        }
    };
}

action_block! {
    "observe" observe: Words,
    "convene" convene: Word,
    "decide" decide: Word,
    "travel" travel: Word,
    "enter" enter: Word,
    "login" login: Word,
    "compare" compare: Word,
    "apply" apply: Word,
    "admit" admit: Spanned<Shares>,
    "post" post: Word,
    "isolate" isolate: Word,
    "fetch" fetch: Word,
    "sign-in" sign_in: Word,
    "open" open: Word,
    "power-cycle" power_cycle: Word,
    "restart" restart: Word,
    "call" call: Words,
    "hand-over" hand_over: Word,
    "chat" chat: Word,
    "page" page: Words,
    "escort" escort: Word,
    "ssh" ssh: Word,
    "announce" announce: Word,
    "withdraw" withdraw: Word,
    "fail-over" fail_over: Word,
    "reset" reset: Words,
    "vpn" vpn: Word,
    "push" push: Word,
    "freeze" freeze: Word,
    "lift-freeze" lift_freeze: Word,
    "alert" alert: Word,
    "by" by: Word,
    "carry" carry: Words,
    "confirm-within" confirm_within: Word,
    "first" first: Spanned<usize>,
    "from" from: Word,
    "hold" hold: Word,
    "on" on: Word,
    "record" record: Word,
    "roles" roles: Words,
    "save" save: Word,
    "second-factor" second_factor: Word,
    "site" site: Word,
    "stop-if" stop_if: Spanned<StopBlock>,
    "text" text: Word,
    "through" through: Word,
    "to" to: Word,
    "try" r#try: Words,
    "unit" unit: Word,
    "with" with: Word,
}

fn place<T>(value: &Option<Spanned<T>>) -> Option<Span> {
    value.as_ref().map(Spanned::span)
}

/// When a ramp steps back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StopBlock {
    pub(crate) errors: Option<Word>,
    pub(crate) site_power_rise: Option<Word>,
}

/// A value that may be text, a number, or true or false.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    Whole(i64),
    Float(f64),
    Bool(bool),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true or false")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(number))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(truth))
    }
}

/// `admit`: one share where it is a parameter of `apply`, several where it is the verb.
#[derive(Debug)]
pub(crate) enum Shares {
    One(i64),
    Many(Vec<Spanned<i64>>),
}

impl<'de> Deserialize<'de> for Shares {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SharesVisitor)
    }
}

struct SharesVisitor;

impl<'de> Visitor<'de> for SharesVisitor {
    type Value = Shares;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("percentages such as [5, 15, 40, 100], or one beside `apply`")
    }

    fn visit_i64<E: de::Error>(self, share: i64) -> Result<Shares, E> {
        Ok(Shares::One(share))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut shares: A) -> Result<Shares, A::Error> {
        let mut many = Vec::new();
        while let Some(share) = shares.next_element()? {
            many.push(share);
        }
        Ok(Shares::Many(many))
    }
}
