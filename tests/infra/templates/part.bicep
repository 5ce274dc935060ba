@description('The name.')
@minLength(2)
param name string

@description('The size.')
@maxValue(4096)
param size int

@description('The kind.')
param kind 'small' | 'large'

@description('Not needed.')
param note string = ''

@description('The name.')
output name string = '${name}-${size}-${kind}${note}'
