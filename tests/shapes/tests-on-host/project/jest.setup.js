process.env.TEST_REDIS_URL ??= "redis://localhost:6380";
