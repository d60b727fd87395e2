"""Every statement of the broker, read from top to bottom: a message's way through it."""

INSERT = """
INSERT INTO message (entity, sequence_number, state, until, delivery_count, enqueued_time)
VALUES (?, ?, ?, ?, 0, ?)"""
INSERT_BODY = (
    "INSERT INTO message_body (sequence_number, body, message_id, attributes) VALUES (?, ?, ?, ?)"
)
COLUMNS = """
SELECT m.sequence_number, m.delivery_count, m.enqueued_time, b.body, b.message_id, b.attributes,
  m.dead_letter_reason, m.dead_letter_error_description"""
ACTIVE = f"""{COLUMNS}
FROM message AS m INDEXED BY ix_message_active JOIN message_body AS b USING (sequence_number)
WHERE m.entity = ? AND m.state = 0 ORDER BY m.sequence_number LIMIT ?"""
PEEK = f"""{COLUMNS}
FROM message AS m JOIN message_body AS b USING (sequence_number)
WHERE m.entity = ? AND m.sequence_number >= ? ORDER BY m.sequence_number LIMIT ?"""
LOCK = """
UPDATE message SET state = 1, until = ?, delivery_count = delivery_count + 1
WHERE entity = ? AND sequence_number = ?"""
HELD = "WHERE entity = ? AND sequence_number = ? AND state = 1 AND delivery_count = ? AND until > ?"
DELETE = f"DELETE FROM message {HELD}"
DELETE_BODY = "DELETE FROM message_body WHERE sequence_number = ?"
RENEW = f"UPDATE message SET until = ? {HELD}"
UNLOCK = f"UPDATE message SET state = 0, until = NULL {HELD}"
UNDELIVER = (
    f"UPDATE message SET state = 0, until = NULL, delivery_count = delivery_count - 1 {HELD}"
)
MOVE = f"""
UPDATE message SET entity = ?, state = 0, until = NULL,
  dead_letter_reason = ?, dead_letter_error_description = ? {HELD}"""
ACTIVATE = """
UPDATE message SET state = 0, until = NULL, enqueued_time = ?
WHERE entity = ? AND sequence_number = ?"""
FORGET = "DELETE FROM message WHERE entity = ? AND sequence_number = ?"
CANCEL = f"{FORGET} AND state = 2"
ENDING = """
SELECT entity, sequence_number, delivery_count FROM message INDEXED BY ix_message_until
WHERE state = ? AND until <= ? ORDER BY until LIMIT ?"""
EARLIEST = """
SELECT until FROM message INDEXED BY ix_message_until
WHERE state = ? AND until IS NOT NULL ORDER BY until LIMIT 1"""
ATTRIBUTES = "SELECT attributes FROM message_body WHERE sequence_number = ?"
SET_ATTRIBUTES = "UPDATE message_body SET attributes = ? WHERE sequence_number = ?"
BODY = "SELECT body, message_id, attributes FROM message_body WHERE sequence_number = ?"
RESERVED = "SELECT reserved FROM message_sequence WHERE id = 1"
RESERVE = "UPDATE message_sequence SET reserved = max(reserved, ?) WHERE id = 1"
