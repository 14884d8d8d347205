"""Tables to parquet and back: schema, layout, publishing."""
