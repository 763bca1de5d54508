"""The same training in other programs: one file each, so that an environment needs only its own libraries."""
