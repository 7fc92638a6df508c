"""Sources of the research awards: opening what lies anywhere, reading it, and asking the two APIs.

    opening.py      from a setting to a file here: path, https://, s3://; `remote.py` and `download.py` bring it
    unpacking.py    gzip, zip, encodings
    tables.py       the four sources: `read_awards`, `read_companies`, `read_sam`, `read_patents`
    delimited.py    CSV and its like; `chunks.py` on top of `scan.py` (fast) and `dialect.py` (exact)
    json_rows.py    JSON
    sam_api.py, patents_api.py    the APIs; `api.py` asks for a page, `allowance.py` says when it may

What belongs here: reading. What does not: Dagster, and what values mean. A source yields frames of text columns with
`source_file` and `line`, logs what it cannot read, and raises only if it cannot be read at all.
"""
