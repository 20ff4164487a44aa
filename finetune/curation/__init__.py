"""From a Reddit dump to chat pairs, split by post: `ppai curate`."""
