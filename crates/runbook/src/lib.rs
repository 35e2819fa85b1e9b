//! Recovery runbooks: Markdown to steps, checks, execution by responders.
