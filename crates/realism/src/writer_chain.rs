//! Writers one behind the other: where the first cannot write, the next one does.

use crate::writer::{Brief, Writer, WriterError, Written};

/// Asks `first`, and `last` when that cannot write. The authorship of what comes out says why the
/// first was passed over.
///
/// ```
/// use decnet_realism::llm::backends::fake::FakeBackend;
/// use decnet_realism::llm::writer::{LlmWriter, LlmWriterSettings};
/// use decnet_realism::offline::OfflineWriter;
/// use decnet_realism::writer::Writer;
/// use decnet_realism::writer_chain::WriterChain;
///
/// let model = LlmWriter::new(FakeBackend::new("no mail at all"), LlmWriterSettings::default());
/// let chain = WriterChain::new(model, OfflineWriter);
/// assert_eq!(chain.name(), "fake");
/// ```
#[derive(Clone, Debug)]
pub struct WriterChain<First, Last> {
    first: First,
    last: Last,
}

impl<First: Writer, Last: Writer> WriterChain<First, Last> {
    /// `first`, and `last` behind it.
    pub fn new(first: First, last: Last) -> Self {
        Self { first, last }
    }
}

#[async_trait::async_trait]
impl<First: Writer, Last: Writer> Writer for WriterChain<First, Last> {
    /// The name of the first writer.
    fn name(&self) -> &str {
        self.first.name()
    }

    fn is_immediate(&self) -> bool {
        self.first.is_immediate() && self.last.is_immediate()
    }

    async fn write(&self, brief: &Brief<'_>, seed: u64) -> Result<Written, WriterError> {
        let passed_over = match self.first.write(brief, seed).await {
            Ok(written) => return Ok(written),
            Err(error) => error.into_passed_over(),
        };
        let mut written = self.last.write(brief, seed).await?;
        written.authorship.passed_over.insert(0, passed_over);
        Ok(written)
    }
}
