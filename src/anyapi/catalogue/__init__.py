"""The catalogue as product data: YAML source, compiled JSON, validation, operator extensions."""
