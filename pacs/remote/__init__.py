"""What we ask of remote nodes: echo, queries, studies to pull, studies to push; and what to tell people about it.

`storage.records.remote` has the vocabulary. `calls` makes associations and names what goes wrong, `probe` tests a node,
`find` and `query` ask it, `listing` compares what it has with what we have, `pull` (with `move` and `get`) and `push`
transfer.
"""
