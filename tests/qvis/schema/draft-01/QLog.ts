export * from '..';
