"""What the experiment measures: each study is a frozen dataclass with its parts and their rows."""
