-- SPDX-License-Identifier: Apache-2.0
-- The catalog of a Diptych index. SQLite keeps the comments inside the statements: `.schema` shows them.

CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    model TEXT NOT NULL,         -- that makes the vectors: the path of its folder, or its name
    fingerprint TEXT NOT NULL,   -- of the model
    width INTEGER NOT NULL,      -- of a vector
    storage TEXT NOT NULL,       -- f32, f16 or i8
    generation INTEGER NOT NULL, -- of the vectors file: 1 is vectors.f16, 2 is vectors-2.f16
    rows INTEGER NOT NULL,       -- of the vectors file; those without an item are dead
    images INTEGER NOT NULL,     -- items of each kind
    texts INTEGER NOT NULL,
    findable INTEGER NOT NULL DEFAULT 0, -- 1: model finds it again; 0: it is what a user of format 1 typed somewhere
    preparation TEXT,            -- of pictures for the model, in words of the caller's; NULL: not said, as up to format 2
    base TEXT                    -- the folder that the index lay in when it was written to last; NULL: not known
);

-- What the index was made from, in the order of its adding, for its next update.
CREATE TABLE sources (
    kind TEXT NOT NULL,          -- pictures, texts, captions or metadata
    path TEXT NOT NULL,
    rules TEXT,                  -- of pictures: what does not go in, in words of the caller's; NULL: nothing was said
    UNIQUE (kind, path)
);

CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- rises with row; never used twice, even that of the last item, removed
    row INTEGER NOT NULL UNIQUE,          -- in the vectors file, from 0
    kind TEXT NOT NULL CHECK (kind IN ('image', 'text')),
    path TEXT,                            -- the picture, or the file that the text came from
    size INTEGER,                         -- of that file
    mtime_ns INTEGER,                     -- nanoseconds since 1970
    hash TEXT,                            -- of the content
    width INTEGER,
    height INTEGER,
    caption TEXT,                         -- of a text: the text itself
    picture TEXT,                         -- of a text that describes a picture: the picture's path
    metadata TEXT,                        -- the user's, a JSON object
    crc INTEGER NOT NULL,                 -- CRC-32 (zlib's) of the row's bytes
    segmented TEXT,                       -- path and caption with a blank around each Chinese sign and its like; NULL: none
    offset INTEGER,                       -- of a picture in an archive (path is "ARCHIVE!/NAME"): where it lies there; -N: deflated; NULL: else
    taken TEXT,                           -- 2024-06-01 09:30:00.12+02:00 on the camera's clock; its zone, where known, last
    camera TEXT,
    lens TEXT,
    lat REAL,                             -- degrees, north and east positive
    lon REAL,
    examined INTEGER NOT NULL DEFAULT 0   -- 1: its file has been asked for taken, camera, lens, lat and lon
);
CREATE UNIQUE INDEX items_image_path ON items(path) WHERE kind = 'image';
CREATE INDEX items_text_path ON items(path) WHERE kind = 'text';
CREATE INDEX items_hash ON items(hash) WHERE hash IS NOT NULL;
CREATE INDEX items_picture ON items(picture) WHERE picture IS NOT NULL;
CREATE INDEX items_date ON items(mtime_ns DESC, row); -- the newest first, ties by id, which rises with row
CREATE INDEX items_taken ON items(taken DESC, row);
CREATE INDEX items_unexamined ON items(id) WHERE kind = 'image' AND examined = 0;

-- Where the vectors of removed items still are, so that content which comes back need not be encoded. A compaction
-- takes their rows and empties this.
CREATE TABLE removed (
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    row INTEGER NOT NULL,                 -- no item's
    crc INTEGER NOT NULL,                 -- of the row's bytes
    width INTEGER,                        -- of a picture
    height INTEGER,
    PRIMARY KEY (kind, hash)
) WITHOUT ROWID;
CREATE TRIGGER items_kept AFTER DELETE ON items WHEN old.hash IS NOT NULL BEGIN
    INSERT OR REPLACE INTO removed VALUES (old.kind, old.hash, old.row, old.crc, old.width, old.height);
END;

-- Files that could not become items, as they were then: they are not tried again before they change.
CREATE TABLE failures (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    why TEXT NOT NULL,
    again INTEGER NOT NULL                -- 1: it may be read another time without a change, as one without permission
) WITHOUT ROWID;

-- Archives, and folders with captions and metadata beside their pictures: they are not read again before they change.
CREATE TABLE containers (
    path TEXT PRIMARY KEY,
    stamp INTEGER NOT NULL,               -- of its size and time; of a folder, of what lies beside its pictures
    pictures INTEGER NOT NULL             -- items of it then
) WITHOUT ROWID;

-- Files among the pictures that are none, as they were then: they are not looked at again before they change.
CREATE TABLE passed_over (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,                   -- text, video or other
    picture TEXT                          -- of a pair of pictures: the path of the one that stands for both
) WITHOUT ROWID;

-- The words of paths and captions, kept in step by triggers, so that other tools may change items too. What these
-- leave out is `segmented`, which the next change of the item by Diptych puts right.
CREATE VIRTUAL TABLE items_fts USING
    fts5(path, caption, segmented, content = 'items', content_rowid = 'id');
CREATE TRIGGER items_added AFTER INSERT ON items BEGIN
    INSERT INTO items_fts(rowid, path, caption, segmented)
        VALUES (new.id, new.path, new.caption, new.segmented);
END;
CREATE TRIGGER items_removed AFTER DELETE ON items BEGIN
    INSERT INTO items_fts(items_fts, rowid, path, caption, segmented)
        VALUES ('delete', old.id, old.path, old.caption, old.segmented);
END;
CREATE TRIGGER items_changed AFTER UPDATE OF path, caption, segmented ON items BEGIN
    INSERT INTO items_fts(items_fts, rowid, path, caption, segmented)
        VALUES ('delete', old.id, old.path, old.caption, old.segmented);
    INSERT INTO items_fts(rowid, path, caption, segmented)
        VALUES (new.id, new.path, new.caption, new.segmented);
END;

-- What a search may ask about.
CREATE VIEW search_items AS
    SELECT id, row, kind, path, size, mtime_ns / 1000000000 AS mtime,
        datetime(mtime_ns / 1000000000, 'unixepoch') AS date, width, height, taken, camera, lens, lat, lon,
        caption, picture, metadata
    FROM items;
