"""What leaves for other places than providers: an update's download, e-mail, webhooks. Metadata only; nobody is asked unless configured."""
