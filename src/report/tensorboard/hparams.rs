//! The settings of a run in the form of TensorBoard's HParams plugin, which compares runs by them. Names
//! and numbers of fields are those of the plugin's `plugin_data.proto` and of `struct.proto`.

use super::event::{Content, Metadata, PluginData, Tensor, Value};
use prost::Message;
use std::collections::BTreeMap;

/// A setting of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// A name, or a list.
    Text(String),
}

/// `PluginData.plugin_name` of settings.
const PLUGIN: &str = "hparams";

/// `HParamsPluginData`.
#[derive(Clone, PartialEq, prost::Message)]
struct PluginContent {
    #[prost(oneof = "Session", tags = "3, 4")]
    session: Option<Session>,
}

/// `HParamsPluginData.data`.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Session {
    #[prost(message, tag = "3")]
    Start(SessionStart),
    #[prost(message, tag = "4")]
    End(SessionEnd),
}

/// `SessionStartInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct SessionStart {
    #[prost(btree_map = "string, message", tag = "1")]
    hparams: BTreeMap<String, AnyValue>,
    #[prost(double, tag = "5")]
    start_time_secs: f64,
}

/// `SessionEndInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct SessionEnd {
    #[prost(int32, tag = "1")]
    status: i32,
    #[prost(double, tag = "2")]
    end_time_secs: f64,
}

/// `google.protobuf.Value`.
#[derive(Clone, PartialEq, prost::Message)]
struct AnyValue {
    #[prost(oneof = "Kind", tags = "2, 3")]
    kind: Option<Kind>,
}

/// `google.protobuf.Value.kind`.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
}

/// Returns the value that says that a run with these settings began at `seconds` since 1970.
pub(super) fn start(settings: impl IntoIterator<Item = (String, Setting)>, seconds: f64) -> Value {
    let value = |setting| match setting {
        Setting::Number(number) => Kind::Number(number),
        Setting::Text(text) => Kind::Text(text),
    };
    let value = |(name, setting)| (name, AnyValue { kind: Some(value(setting)) });
    let hparams = settings.into_iter().map(value).collect();
    let start = SessionStart { hparams, start_time_secs: seconds };
    session("_hparams_/session_start_info", Session::Start(start))
}

/// Returns the value that says that a run ended well at `seconds` since 1970.
pub(super) fn end(seconds: f64) -> Value {
    const SUCCESS: i32 = 1;
    let end = SessionEnd { status: SUCCESS, end_time_secs: seconds };
    session("_hparams_/session_end_info", Session::End(end))
}

fn session(tag: &str, session: Session) -> Value {
    let content = PluginContent { session: Some(session) }.encode_to_vec();
    Value {
        tag: tag.to_owned(),
        metadata: Some(Metadata {
            plugin_data: Some(PluginData { plugin_name: PLUGIN.to_owned(), content }),
            summary_description: String::new(),
        }),
        content: Some(Content::Tensor(Tensor::empty())),
    }
}
