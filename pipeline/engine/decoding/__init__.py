"""How media of strangers is decoded: headers, frames, one pass over them, pictures."""
