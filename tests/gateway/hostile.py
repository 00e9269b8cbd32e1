"""What a caller says who means no good."""

MARK = "zq7x"  # stands nowhere else: where it is, there is what the caller said

# Strange, and yet ids like others: they are kept and given out as they are.
STRANGE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "'; DROP TABLE events; --",
    '" OR ""="',
    "1); DELETE FROM served; --",
    "%' OR user_id LIKE '%",
    '{"level": "ERROR", "message": "forged"}',
    '", "level": "ERROR", "x": "',
    "%s%n%(message)s {0.__class__}",
    "${jndi:ldap://127.0.0.1/x}",
    '"} 1\nrecstack_forged_total{x="'.replace("\n", "\\n"),
    "../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "C:\\Windows\\win.ini",
    "%2e%2e%2f%00",
    "file:///etc/passwd",
    "__proto__",
    "constructor",
    "*",
    "}{",
    "{}:revision",
    "[red]x[/]",
    "=1+1",
    "\u202egnp.exe",
    "\u2066hidden\u2069",
    "\u200b\ufeff",
    "e\u0301\U0001f600",
)

# Not fit to be an id: it would begin a line, end a string, or move a terminal's cursor.
UNFIT = (
    'x\n{"level": "ERROR"}',
    "x\r\nset-cookie: a=b",
    "x\x1b[2J\x1b[31m",
    "x\x9b2J",
    "x\x00.js",
    "x\x7f",
    "x\x85y",
    "x\u2028y",
    "x\u2029y",
)
