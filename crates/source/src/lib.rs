//! Input files: text with spans, size limits, and errors that name file, line and column.
