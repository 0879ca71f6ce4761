"""What commands tell, as documents of JSON: plain data, each with the name and the version of its schema."""
