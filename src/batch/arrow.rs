//! Arrow IPC, batch by batch: streams, also over pipes; files to be read.
//!
//! A stream is answered while it comes: the schema once it is read, then each batch before the next is waited for,
//! so that whoever writes one may wait for its answer.

use super::batches::{Reader, Rows, Writer};
use crate::source::SourceError;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_ipc::reader::{FileReader, StreamReader, read_footer_length};
use arrow_ipc::writer::StreamWriter;
use arrow_ipc::{Block, root_as_footer};
use arrow_schema::{ArrowError, Schema};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// What a file begins with that is no stream.
const FILE_MAGIC: &[u8] = b"ARROW1";

/// Open a file or a stream; `None`: standard input.
pub fn open(path: Option<&Path>) -> Result<Rows, SourceError> {
    let Some(path) = path else {
        let input = Box::new(io::stdin());
        return Rows::open(Path::new("-"), "Arrow", || Stream::begin(input));
    };
    let failed = |source| SourceError::Io { file: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    if path.is_file() && is_file_of_batches(&mut file).map_err(failed)? {
        return Rows::open(path, "Arrow", || {
            holds_its_blocks(&mut file)?;
            FileReader::try_new_buffered(file, None)
        });
    }
    Rows::open(path, "Arrow", || Stream::begin(Box::new(BufReader::new(file))))
}

fn is_file_of_batches(file: &mut File) -> io::Result<bool> {
    let mut head = Vec::new();
    file.take(FILE_MAGIC.len() as u64).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head == FILE_MAGIC)
}

/// Whether a file is as long as its footer says: the reader makes room for a block before it looks for it. All
/// blocks together are no longer than the file either, which keeps the work to its size.
fn holds_its_blocks(file: &mut File) -> Result<(), ArrowError> {
    let beyond =
        || ArrowError::IpcError("数据块超出文件 / a block reaches beyond the file".to_owned());
    let mut tail = [0; 10];
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(tail.len() as u64)))?;
    file.read_exact(&mut tail)?;
    let footer = read_footer_length(tail)?;
    let end = length.checked_sub((tail.len() + footer) as u64).ok_or_else(beyond)?;
    let mut bytes = vec![0; footer];
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut bytes)?;
    file.rewind()?;
    let footer =
        root_as_footer(&bytes).map_err(|error| ArrowError::ParseError(error.to_string()))?;
    let blocks = [footer.dictionaries(), footer.recordBatches()].into_iter().flatten().flatten();
    let mut left = end;
    for block in blocks {
        let length = length_before(end, block).ok_or_else(beyond)?;
        left = left.checked_sub(length).ok_or_else(beyond)?;
    }
    Ok(())
}

/// Bytes of a block that lies before `end`.
fn length_before(end: u64, block: &Block) -> Option<u64> {
    let start = u64::try_from(block.offset()).ok()?;
    let head = u64::try_from(block.metaDataLength()).ok()?;
    let length = u64::try_from(block.bodyLength()).ok()?.checked_add(head)?;
    (start.checked_add(length)? <= end).then_some(length)
}

impl Reader for FileReader<BufReader<File>> {
    fn schema(&self) -> Arc<Schema> {
        RecordBatchReader::schema(self)
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        Iterator::next(self).transpose()
    }
}

/// A stream, which ends with its end mark and with nothing else: what ends otherwise was cut off, at the end of a
/// batch perhaps.
struct Stream(StreamReader<Ending<Box<dyn Read>>>);

impl Stream {
    fn begin(input: Box<dyn Read>) -> Result<Stream, ArrowError> {
        StreamReader::try_new(Ending { input, is_at_end: false }, None).map(Stream)
    }
}

impl Reader for Stream {
    fn schema(&self) -> Arc<Schema> {
        self.0.schema()
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let batch = self.0.next().transpose()?;
        if batch.is_none() && self.0.get_ref().is_at_end {
            let why = "数据流没有结束标记 / the stream has no end mark";
            return Err(ArrowError::IpcError(why.to_owned()));
        }
        Ok(batch)
    }

    fn end(&mut self) -> Result<(), ArrowError> {
        if self.0.get_mut().read(&mut [0])? > 0 {
            let why = "结束标记之后还有数据 / there is more behind the end mark of the stream";
            return Err(ArrowError::IpcError(why.to_owned()));
        }
        Ok(())
    }
}

/// Knows whether its end was met.
struct Ending<R> {
    input: R,
    is_at_end: bool,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(bytes)?;
        self.is_at_end |= read == 0 && !bytes.is_empty();
        Ok(read)
    }
}

/// A stream of these columns.
pub fn writer<'w, W: Write + 'w>(
    out: W,
    schema: &Schema,
) -> Result<Box<dyn Writer + 'w>, ArrowError> {
    let mut writer = StreamWriter::try_new(out, schema)?;
    writer.flush()?;
    Ok(Box::new(writer))
}

impl<W: Write> Writer for StreamWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        StreamWriter::write(self, batch)?;
        self.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<(), ArrowError> {
        StreamWriter::finish(&mut self)
    }
}
