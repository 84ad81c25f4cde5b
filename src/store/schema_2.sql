-- What was there before has more to say: place.rules is a bit for each thing that only the room's operators may do,
-- message.kind has 2 added if the line is for its author only, ban.kind is 0 kept out, 1 must log in, 2 muted.

-- What an operator's bridge is told of an account; why it is suspended, which it is with any text, also an empty
-- one; the hash of a code for one new password, and until when that counts.
ALTER TABLE account ADD COLUMN notify TEXT;
ALTER TABLE account ADD COLUMN suspended TEXT;
ALTER TABLE account ADD COLUMN code BLOB;
ALTER TABLE account ADD COLUMN code_until INTEGER;
CREATE UNIQUE INDEX account_code ON account(code) WHERE code IS NOT NULL;

-- The room's name: one that is not kept has no place.
ALTER TABLE deed ADD COLUMN room TEXT;
