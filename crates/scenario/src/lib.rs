//! Scenario folders: files to a world ready to run, validated with file, line and column.
