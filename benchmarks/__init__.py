"""What ``script/bench`` runs. Nothing in Draftline imports it; docs/performance.md says what each row measures."""
