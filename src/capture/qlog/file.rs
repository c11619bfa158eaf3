//! The files of one end's trace: both forms, written event by event.

use std::io::{self, Seek, SeekFrom, Write};

use super::{
    form::{Form, Header},
    json::Json,
};
use crate::{capture::epoch::Epoch, path::Side, unit::Time};

/// Where a trace is written.
pub trait QlogOutput: Write + Seek + Send {}

impl<T: Write + Seek + Send> QlogOutput for T {}

/// Opens a file. The argument is the end of its name, such as `1-client.qlog`.
pub type OpenFile = Box<dyn Fn(&str) -> io::Result<Box<dyn QlogOutput>> + Send>;

/// The settings that all traces of a run share.
pub(super) struct Common {
    pub(super) title: String,
    pub(super) epoch: Epoch,
    pub(super) open: OpenFile,
}

/// Identifies a trace.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) side: Side,
    pub(super) protocol: &'static str,
    pub(super) group: String,
    /// The end of the files' names, without the ending.
    pub(super) name: String,
}

/// The trace of one end.
pub(super) struct TraceFile {
    subject: Subject,
    /// The files of both forms. Empty until the first event, because the header has the wall-clock time of time zero.
    forms: Vec<(Form, Box<dyn QlogOutput>)>,
    has_events: bool,
    is_finished: bool,
    last: Time,
    json: Json,
}

impl TraceFile {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            subject,
            forms: Vec::new(),
            has_events: false,
            is_finished: false,
            last: Time::ZERO,
            json: Json::default(),
        }
    }

    /// Writes an event. `fill` adds its data and returns its name, or `None` if there is nothing to write. Events are in
    /// order of time, so a late event gets the time of the event before it.
    pub(super) fn event(
        &mut self,
        common: &mut Common,
        at: Time,
        fill: impl Fn(Form, &mut Json) -> Option<String>,
    ) -> io::Result<()> {
        if self.is_finished {
            return Ok(());
        }
        if self.forms.is_empty() {
            common.epoch.fix(at);
            for form in Form::ALL {
                let mut out = (common.open)(&format!("{}.{}", self.subject.name, form.ending()))?;
                out.write_all(self.header(form, common, false).as_bytes())?;
                self.forms.push((form, out));
            }
        }
        self.last = self.last.max(at);
        for (form, out) in &mut self.forms {
            self.json.clear();
            let Some(name) = fill(*form, &mut self.json) else { return Ok(()) };
            let mut event = Json::default();
            event.open('{');
            event.time(self.last);
            event.plain("name", name);
            event.field("data", self.json.text());
            event.close('}');
            out.write_all(form.record(event.text(), !self.has_events).as_bytes())?;
        }
        self.has_events = true;
        Ok(())
    }

    fn header(&self, form: Form, common: &Common, is_complete: bool) -> String {
        let Subject { side, protocol, group, .. } = &self.subject;
        let epoch = common.epoch.fixed();
        form.header(&Header { title: &common.title, side: *side, group, protocol, epoch, is_complete })
    }

    /// Ends the files. Later events are not written.
    pub(super) fn finish(&mut self, common: &Common, is_complete: bool) -> io::Result<()> {
        self.is_finished = true;
        for (form, mut out) in std::mem::take(&mut self.forms) {
            out.write_all(form.footer().as_bytes())?;
            // Seeking fails on a pipe, which then keeps the first header.
            if is_complete && out.seek(SeekFrom::Start(0)).is_ok() {
                out.write_all(self.header(form, common, true).as_bytes())?;
            }
            out.flush()?;
        }
        Ok(())
    }
}
