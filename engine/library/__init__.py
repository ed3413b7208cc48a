"""What is kept on disk beside the database: pictures, uploads, masks, likes, retention, backups."""
