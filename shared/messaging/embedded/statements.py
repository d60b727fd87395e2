"""Every statement of the broker, read from top to bottom: a message's way through it."""

from shared.messaging.embedded.schema import UNTIL_RELEASED

INSERT = """
INSERT INTO message
  (entity, sequence_number, state, until, delivery_count, enqueued_time, size, session, expires_at)
VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)"""
INSERT_BODY = """
INSERT INTO message_body (sequence_number, form, body, message_id, session_id, attributes)
VALUES (?, ?, ?, ?, ?, ?)"""
REMEMBER = """
INSERT INTO duplicate (entity, message_id, until) VALUES (?, ?, ?)
ON CONFLICT (entity, message_id) DO UPDATE SET until = excluded.until WHERE until <= ?"""
SAY_WHY = """
UPDATE message SET dead_letter_reason = ?, dead_letter_error_description = ?
WHERE entity = ? AND sequence_number = ?"""
COUNT = """
INSERT INTO entity_count (entity, active, scheduled, deferred, size) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (entity) DO UPDATE SET active = active + excluded.active,
  scheduled = scheduled + excluded.scheduled, deferred = deferred + excluded.deferred,
  size = size + excluded.size
WHERE size + excluded.size <= ?"""
COUNTS = "SELECT active, scheduled, deferred, size FROM entity_count WHERE entity = ?"

COLUMNS = """
SELECT m.sequence_number, m.state, m.until, m.delivery_count, m.uncounted, m.enqueued_time,
  m.expires_at, b.form, b.body, b.attributes, b.message_id, b.session_id, m.dead_letter_reason,
  m.dead_letter_error_description"""
UNEXPIRED = "(m.expires_at IS NULL OR m.expires_at > ?)"
ACTIVE = f"""{COLUMNS}
FROM message AS m INDEXED BY ix_message_active JOIN message_body AS b USING (sequence_number)
WHERE m.entity = ? AND m.state = 0 AND m.session IS NULL
  AND m.sequence_number > ? AND m.sequence_number <= ? AND {UNEXPIRED}
ORDER BY m.sequence_number LIMIT ?"""
ACTIVE_IN_SESSION = f"""{COLUMNS}
FROM message AS m INDEXED BY ix_message_session_active
  JOIN message_body AS b USING (sequence_number)
WHERE m.entity = ? AND m.session = ? AND m.state = 0
  AND m.sequence_number > ? AND m.sequence_number <= ? AND {UNEXPIRED}
ORDER BY m.sequence_number LIMIT ?"""
OVERDUE = """
SELECT 1 FROM message INDEXED BY ix_message_expires WHERE state = 0 AND expires_at <= ? LIMIT 1"""
NTH_ACTIVE = """
SELECT sequence_number FROM message INDEXED BY ix_message_active
WHERE entity = ? AND state = 0 AND session IS NULL AND sequence_number > ?
ORDER BY sequence_number LIMIT 1 OFFSET ?"""
NTH_ACTIVE_IN_SESSION = """
SELECT sequence_number FROM message INDEXED BY ix_message_session_active
WHERE entity = ? AND session = ? AND state = 0 AND sequence_number > ?
ORDER BY sequence_number LIMIT 1 OFFSET ?"""
DEFERRED = f"""{COLUMNS}
FROM message AS m JOIN message_body AS b USING (sequence_number)
WHERE m.entity = ? AND m.sequence_number = ? AND m.session IS ? AND m.state = 3"""
PEEK = f"""{COLUMNS}
FROM message AS m JOIN message_body AS b USING (sequence_number)
WHERE m.entity = ? AND m.sequence_number >= ? ORDER BY m.sequence_number LIMIT ?"""
PEEK_IN_SESSION = f"""{COLUMNS}
FROM message AS m INDEXED BY ix_message_session JOIN message_body AS b USING (sequence_number)
WHERE m.entity = ? AND m.session = ? AND m.sequence_number >= ?
ORDER BY m.sequence_number LIMIT ?"""

ONE = "WHERE entity = ? AND sequence_number = ?"
HELD = f"{ONE} AND state IN (1, 4) AND delivery_count = ? AND until > ?"
LOCK = f"""
UPDATE message SET state = ?, until = ?, delivery_count = delivery_count + 1 {ONE}"""
DELETE = f"DELETE FROM message {HELD} RETURNING state, size, session"
DELETE_BODY = "DELETE FROM message_body WHERE sequence_number = ?"
RENEW = f"UPDATE message SET until = ? {HELD}"
STANDING = f"""
SELECT entity, sequence_number, delivery_count - uncounted, session, expires_at, state
FROM message {HELD}"""
SESSION_OF = f"SELECT session FROM message {ONE}"
UNLOCK = f"UPDATE message SET state = ?, until = NULL, uncounted = uncounted + ? {ONE}"
MOVE = f"""
UPDATE message SET entity = ?, state = 0, until = NULL, session = NULL, expires_at = NULL,
  dead_letter_reason = ?, dead_letter_error_description = ? {ONE}"""

ENDING = """
SELECT entity, sequence_number, delivery_count - uncounted, session, expires_at, state
FROM message INDEXED BY ix_message_until
WHERE state = ? AND until <= ? ORDER BY until LIMIT ?"""
EARLIEST = """
SELECT until FROM message INDEXED BY ix_message_until
WHERE state = ? AND until IS NOT NULL ORDER BY until LIMIT 1"""
DUE = """
SELECT entity, sequence_number, until, session, expires_at, size
FROM message INDEXED BY ix_message_until
WHERE state = 2 AND until <= ? ORDER BY until LIMIT ?"""
ACTIVATE = f"""
UPDATE message SET sequence_number = ?, state = 0, until = NULL, enqueued_time = ?, expires_at = ?
{ONE}"""
RENUMBER_BODY = "UPDATE message_body SET sequence_number = ? WHERE sequence_number = ?"
FORGET = f"DELETE FROM message {ONE}"
CANCEL = f"DELETE FROM message {ONE} AND state = 2 RETURNING size"
EXPIRED = """
SELECT entity, sequence_number, size FROM message INDEXED BY ix_message_expires
WHERE state = 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?"""
EXPIRED_DEFERRED = """
SELECT entity, sequence_number, size FROM message
WHERE entity = ? AND sequence_number = ? AND session IS ? AND state = 3 AND expires_at <= ?"""
EARLIEST_EXPIRY = """
SELECT expires_at FROM message INDEXED BY ix_message_expires
WHERE state = 0 AND expires_at IS NOT NULL ORDER BY expires_at LIMIT 1"""
OLD_DUPLICATES = """
SELECT entity, message_id FROM duplicate INDEXED BY ix_duplicate_until
WHERE until <= ? ORDER BY until LIMIT ?"""
FORGET_DUPLICATE = "DELETE FROM duplicate WHERE entity = ? AND message_id = ?"
EARLIEST_DUPLICATE = """
SELECT until FROM duplicate INDEXED BY ix_duplicate_until
WHERE until > 0 ORDER BY until LIMIT 1"""

BODY = """
SELECT form, body, attributes, message_id, session_id FROM message_body WHERE sequence_number = ?"""
SET_BODY = "UPDATE message_body SET body = ?, attributes = ? WHERE sequence_number = ?"
GROW = """
UPDATE message SET size = size + ? WHERE entity IN (?, ?) AND sequence_number = ?
RETURNING size"""

HELD_IN_SESSION = f"""
SELECT entity, sequence_number, delivery_count - uncounted, session, expires_at, state
FROM message INDEXED BY ix_message_session_locked
WHERE entity = ? AND session = ? AND until = {UNTIL_RELEASED}"""
HELD_IN_SESSIONS = f"""
SELECT entity, sequence_number, delivery_count - uncounted, session, expires_at, state
FROM message INDEXED BY ix_message_session_locked
WHERE entity > '' AND session IS NOT NULL AND until = {UNTIL_RELEASED} LIMIT ?"""
NEXT_ACTIVE_SESSION = """
SELECT session FROM message INDEXED BY ix_message_session_active
WHERE entity = ? AND state = 0 AND session > ? ORDER BY session LIMIT 1"""
NEXT_SESSION = """
SELECT session FROM message INDEXED BY ix_message_session
WHERE entity = ? AND session > ? ORDER BY session LIMIT 1"""
NEXT_STATE = """
SELECT session FROM session_state WHERE entity = ? AND session > ? ORDER BY session LIMIT 1"""
# All messages of an entity are alike in this, so the first of them tells.
IS_FIRST_IN_SESSION = """
SELECT session IS NOT NULL FROM message WHERE entity = ? ORDER BY sequence_number LIMIT 1"""
STATE = "SELECT state FROM session_state WHERE entity = ? AND session = ?"
SET_STATE = """
INSERT INTO session_state (entity, session, state) VALUES (?, ?, ?)
ON CONFLICT (entity, session) DO UPDATE SET state = excluded.state"""
FORGET_STATE = "DELETE FROM session_state WHERE entity = ? AND session = ?"

RULES = "SELECT name, filter FROM subscription_rule WHERE entity = ? ORDER BY name"
ADD_RULE = """
INSERT INTO subscription_rule (entity, name, filter) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"""
REMOVE_RULE = "DELETE FROM subscription_rule WHERE entity = ? AND name = ?"
REMOVE_RULES = "DELETE FROM subscription_rule WHERE entity = ?"
CONFIGURED = "SELECT rules FROM configured_rules WHERE entity = ?"
CONFIGURE = """
INSERT INTO configured_rules (entity, rules) VALUES (?, ?)
ON CONFLICT (entity) DO UPDATE SET rules = excluded.rules"""

RESERVED = "SELECT reserved FROM message_sequence WHERE id = 1"
RESERVE = "UPDATE message_sequence SET reserved = max(reserved, ?) WHERE id = 1"
